// Figures as `fdr report` writes them on a terminal: 1024-based bytes, thin groups of thousands, seconds from the firing.

function groups(number) {
  const [whole, part] = String(number).split('.');
  return whole.replace(/\B(?=(\d{3})+(?!\d))/g, '\u202f') + (part ? '.' + part : '');
}

function digits(value) {
  const size = Math.abs(value);
  if (Number.isInteger(value)) return groups(value);
  if (size >= 1000) return groups(Math.round(value));
  return String(Number(value.toPrecision(size >= 100 ? 4 : 3)));
}

function bytesText(value) {
  const units = ['B', 'KB', 'MB', 'GB', 'TB', 'PB', 'EB'];
  let unit = 0;
  while (Math.abs(value) >= 1024 && unit + 1 < units.length) value /= 1024, ++unit;
  return (unit === 0 || Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(1).replace(/\.0$/, '')) + '\u00a0' + units[unit];
}

function durationText(ns) {
  const size = Math.abs(ns);
  if (size >= 60e9) return digits(ns / 1e9) + '\u00a0s';
  for (const [scale, unit] of [[1e9, 's'], [1e6, 'ms'], [1e3, 'µs']])
    if (size >= scale) return Number((ns / scale).toPrecision(3)) + '\u00a0' + unit;
  return digits(ns) + '\u00a0ns';
}

function atText(seconds, places = 1) {
  return (seconds < 0 ? '−' : '+') + Math.abs(seconds).toFixed(places) + '\u00a0s';
}

function shareText(part, whole) {
  return whole > 0 ? (100 * part / whole).toFixed(1) + '\u00a0%' : '–';
}

// A metric's value with its unit.
function metricText(value, metric) {
  if (value === null || value === undefined) return 'unknown';
  const per = metric.per_s ? '/s' : '';
  if (metric.unit === 'bytes') return bytesText(value) + per;
  if (metric.unit === 'seconds') return durationText(value * 1e9) + per;
  if (metric.unit === '%') return (Math.abs(value) >= 100 ? value.toFixed(0) : value.toFixed(1)) + '\u00a0%' + per;
  return digits(value) + per;
}

// A weight of a flame graph.
function weightText(value, unit) {
  if (unit === 'bytes') return bytesText(value);
  if (unit === 'ns') return durationText(value);
  return groups(value) + (value === 1 ? '\u00a0sample' : '\u00a0samples');
}

// A cell of a table, by how `fdr show` shows its column.
const cellText = {
  text: (value) => typeof value === 'string' ? value : JSON.stringify(value),
  count: (value) => groups(value),
  bytes: bytesText,
  duration: durationText,
  at: (value) => atText(value, 3),
  tenths: (value) => value.toFixed(1),
  number: (value) => String(value),
};
