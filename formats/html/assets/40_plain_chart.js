// A line chart in SVG: what the page draws where fdr was built without uPlot. Same marks, no cursor.

const svgSpace = 'http://www.w3.org/2000/svg';

function svg(tag, attributes, text) {
  const node = document.createElementNS(svgSpace, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

// `lines`: [{at, class}], vertical. Returns the node.
function plainChart(metric, [times, values], lines, width, height) {
  const known = values.filter((value) => value !== null);
  let low = Math.min(...known), high = Math.max(...known);
  if (low === high) low -= 1, high += 1;
  const left = 64, bottom = 18, begin = times[0], end = times[times.length - 1];
  const x = (t) => left + (t - begin) / (end - begin || 1) * (width - left - 4);
  const y = (v) => 6 + (high - v) / (high - low) * (height - bottom - 10);
  const chart = svg('svg', {width, height, role: 'img', class: 'plain'});
  let path = '', pen = false;
  times.forEach((time, i) => {
    if (values[i] === null) { pen = false; return; }
    path += (pen ? 'L' : 'M') + x(time).toFixed(1) + ' ' + y(values[i]).toFixed(1);
    pen = true;
  });
  for (const line of lines) chart.append(svg('line', {x1: x(line.at), x2: x(line.at), y1: 4, y2: height - bottom, class: line.class}));
  chart.append(svg('path', {d: path}));
  for (const value of [low, high]) chart.append(svg('text', {x: left - 6, y: y(value) + 4, 'text-anchor': 'end'}, metricText(value, metric)));
  for (const [time, anchor] of [[begin, 'start'], [end, 'end']])
    chart.append(svg('text', {x: x(time), y: height - 3, 'text-anchor': anchor}, atText(time)));
  return chart;
}
