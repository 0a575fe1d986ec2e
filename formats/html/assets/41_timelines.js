// The metrics over the window, most interesting first: small charts under one cursor, with the firing, the onset and the
// operator's marks on each. Dragging zooms all of them, a double click shows the whole window again.

const chartHeight = 132, chartsAtOnce = 8;

// [times, values] with an end at both ends of the window, so that all charts show the same stretch.
function chartPoints(metric) {
  const times = [], values = [];
  const first = metric.points[0], last = metric.points[metric.points.length - 2];
  if (first > data.sides.begin_s) times.push(data.sides.begin_s), values.push(null);
  for (let i = 0; i < metric.points.length; i += 2) times.push(metric.points[i]), values.push(metric.points[i + 1]);
  if (last < data.sides.end_s) times.push(data.sides.end_s), values.push(null);
  return [times, values];
}

function markLines() {
  const lines = data.marks.map((mark) => ({at: mark.at_s, class: 'mark'}));
  if (data.sides.onset_known) lines.push({at: data.sides.onset_s, class: 'onset'});
  lines.push({at: 0, class: 'trigger'});
  return lines;
}

function drawMarks(plot) {
  const {ctx, bbox} = plot;
  ctx.save();
  for (const line of markLines()) {
    const x = Math.round(plot.valToPos(line.at, 'x', true)) + 0.5;
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.strokeStyle = color(line.class);
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash(line.class === 'trigger' ? [] : [4 * devicePixelRatio, 3 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
  }
  if (data.sides.onset_known) {
    const from = Math.max(bbox.left, plot.valToPos(data.sides.onset_s, 'x', true));
    const to = Math.min(bbox.left + bbox.width, plot.valToPos(data.sides.until_s, 'x', true));
    ctx.fillStyle = color('incident-tint');
    if (to > from) ctx.fillRect(from, bbox.top, to - from, bbox.height);
  }
  ctx.restore();
}

const plots = new Set();
let zooming = false;
function zoomAll(plot, scale) {
  if (scale !== 'x' || zooming) return;
  zooming = true;
  const {min, max} = plot.scales.x;
  for (const other of plots) if (other !== plot && min !== null) other.setScale('x', {min, max});
  zooming = false;
}

function uplotChart(metric, points, host, readout) {
  const axis = {stroke: color('faint'), grid: {stroke: color('grid'), width: 1}, ticks: {show: false}, font: '11px ' + color('sans')};
  const shown = (value) => replaceChildren(readout, value);
  const plot = new uPlot({
    width: host.clientWidth, height: chartHeight, legend: {show: false}, pxAlign: 0,
    padding: [6, 8, 0, 0],
    cursor: {sync: {key: 'fdr'}, y: false, drag: {x: true, y: false, setScale: true}, points: {size: 6}},
    scales: {x: {time: false}, y: {range: (_, min, max) => padded(min, max)}},
    axes: [
      {...axis, size: 22, gap: 3, space: 90, values: (_, ticks) => ticks.map((t) => t === 0 ? '0' : atText(t, Number.isInteger(t) ? 0 : 1))},
      {...axis, size: 70, gap: 4, space: 32, values: (_, ticks) => ticks.map((v) => metricText(v, metric))},
    ],
    series: [{}, {stroke: color('line'), width: 1.5, fill: color('line-fill'), spanGaps: false, points: {show: false}}],
    hooks: {
      draw: [drawMarks],
      setScale: [zoomAll],
      setCursor: [(u) => {
        const i = u.cursor.idx;
        shown(i === null || i === undefined || u.data[1][i] === null || u.data[1][i] === undefined ? restText(metric) :
          metricText(u.data[1][i], metric) + ' at ' + atText(u.data[0][i]));
      }],
    },
  }, points, host);
  plots.add(plot);
  return plot;
}

// Room above and below; a flat line in the middle; never below zero where nothing is.
function padded(min, max) {
  if (min === null) return [0, 1];
  if (min === max) return min === 0 ? [0, 1] : [Math.min(0, 2 * min), Math.max(0, 2 * max)];
  const room = 0.08 * (max - min);
  return [min >= 0 && min - room < 0.25 * max ? 0 : min - room, max + room];
}

function restText(metric) {
  return metricText(metric.at_trigger, metric) + ' at the firing; ' + metricText(metric.min, metric) + ' to ' + metricText(metric.max, metric);
}

function chart(metric) {
  const readout = el('span.readout', null, restText(metric));
  const host = el('div.plot');
  const figure = el('figure.chart', {'data-metric': metric.name},
    el('figcaption', null, el('span.name', null, metric.name, metric.in_rule ? el('span.tag', null, 'rule') : null), readout), host);
  const points = chartPoints(metric);
  let plot = null;
  onResize(host, () => {
    if (plot) plots.delete(plot), plot.destroy();
    if (typeof uPlot === 'function') plot = uplotChart(metric, points, host, readout);
    else replaceChildren(host, plainChart(metric, points, markLines(), host.clientWidth, chartHeight));
  });
  return figure;
}

function timelines() {
  const drawable = data.metrics.filter((metric) => metric.points.length >= 4);
  // With one target its figures and those of all targets are the same line: drawn once, found by either name.
  const lines = new Set();
  const first = new Set(drawable.filter((metric) => {
    const line = metric.points.join();
    return !lines.has(line) && lines.add(line);
  }));
  let count = chartsAtOnce, wanted = '';
  const grid = el('div.charts'), note = el('p.note', {'aria-live': 'polite'});
  const more = el('button.more', {type: 'button', onclick: () => { count += 12; show(); }}, 'Show more');
  const filter = el('input', {type: 'search', id: 'metric-filter', placeholder: 'Filter metrics', 'aria-label': 'Filter metrics',
    oninput: (event) => { wanted = event.target.value.trim().toLowerCase(); count = chartsAtOnce; show(); }});
  const drawn = new Map();
  function show() {
    const fitting = drawable.filter((metric) => (wanted || first.has(metric)) && wanted.split(/\s+/).every((word) => metric.name.toLowerCase().includes(word)));
    const now = fitting.slice(0, count);
    for (const metric of now) if (!drawn.has(metric.name)) drawn.set(metric.name, chart(metric));
    replaceChildren(grid, now.map((metric) => drawn.get(metric.name)));
    more.hidden = now.length === fitting.length;
    const left = data.metrics_left_out ? '; ' + data.metrics_left_out + ' more did not fit: fdr show ' + data.bundle + ' metrics' : '';
    note.textContent = now.length + ' of ' + fitting.length + ' metrics, by how far they moved' + left + '.';
  }
  show();
  return el('section', {id: 'timelines'},
    el('div.bar', null, el('h2', null, 'Timelines'),
      el('span.key', null, el('i.trigger'), 'firing', data.sides.onset_known ? [el('i.onset'), 'onset'] : null, data.marks.length ? [el('i.mark'), 'mark'] : null),
      filter),
    typeof uPlot === 'function' ? null : el('p.note', null, 'Plain charts: this fdr was built without uPlot. ', el('code', null, 'scripts/uplot --fetch'), ' gets it for the next build.'),
    data.marks.length ? el('p.note', null, data.marks.slice(0, 12).map((mark) => atText(mark.at_s) + ' ' + mark.text).join(' · ')) : null,
    grid, el('div.bar', null, more, note));
}
