// The parts of `fdr show` as tables: sorted by a click on a heading, filtered by words, a row's stack opened on demand.

const numeric = new Set(['count', 'bytes', 'duration', 'at', 'tenths', 'number']);
const tableTitles = {functions: 'functions', timeline: 'what happened'};

// Functions on the CPU, summed from the flame graph's tree, before and since the onset like everything else here.
function functionTable() {
  const graph = data.flames.find((one) => one.id === 'on-cpu');
  if (!graph) return {rows: []};
  const tree = new FlameTree(graph), own = new Map();
  const inside = Array.from(tree.parent, () => null);
  for (let i = 1; i < tree.parent.length; ++i) {
    const name = tree.label(i), above = inside[tree.parent[i]];
    const again = above !== null && above.has(name);
    inside[i] = again ? above : new Set(above || []).add(name);
    if (tree.kind(i) >= 2) continue;
    const sum = own.get(name) || own.set(name, {self: 0, total: 0, before: 0, since: 0}).get(name);
    for (let side = 0; side < 3; ++side) {
      sum.self += tree.self[side][i];
      if (!again) sum.total += tree.total[side][i];  // a recursive function counts a sample once
    }
    sum.before += tree.self[0][i];
    sum.since += tree.self[1][i];
  }
  const rate = (count, side) => graph.seconds[side] > 0 ? count / graph.seconds[side] : null;
  const rows = [...own].sort((a, b) => b[1].self - a[1].self || b[1].total - a[1].total);
  const split = data.sides.known ? [{title: 'self/s before', show: 'tenths'}, {title: 'self/s since', show: 'tenths'}] : [];
  return {
    id: 'functions', total: rows.length,
    columns: [{title: 'function', show: 'text'}, {title: 'self', show: 'count'}, {title: 'with callees', show: 'count'}, ...split],
    rows: rows.slice(0, 1000).map(([name, sum]) =>
      [name, sum.self, sum.total, ...(data.sides.known ? [rate(sum.before, 0), rate(sum.since, 1)] : [])]),
  };
}

function stackRow(stack, columns) {
  const names = stack.map((name) => data.names.text[name]).reverse();
  return el('tr.stack', null, el('td', {colspan: columns}, el('ol', null, names.map((name) => el('li', null, name)))));
}

function compare(a, b) {
  if (a === b) return 0;
  if (a === null || a === '') return 1;  // what is unknown comes last, either way: see sorted()
  if (b === null || b === '') return -1;
  return typeof a === 'number' && typeof b === 'number' ? a - b : String(a).localeCompare(String(b), 'en', {numeric: true});
}

function sorted(rows, column, down) {
  const known = (row) => row.cells[column] !== null && row.cells[column] !== '';
  return rows.slice().sort((a, b) => known(a) && known(b) && down ? compare(b.cells[column], a.cells[column]) : compare(a.cells[column], b.cells[column]));
}

function tableView(table) {
  const rows = table.rows.map((cells, i) => ({cells, stack: table.stacks ? table.stacks[i] : [],
    text: table.columns.map((column, c) => cells[c] === null ? '' : cellText[column.show](cells[c])), node: null}));
  let column = -1, down = false, wanted = '';
  const body = el('tbody'), note = el('p.note', {'aria-live': 'polite'});
  const heads = table.columns.map((one, c) => el('th', {scope: 'col', class: numeric.has(one.show) ? 'number' : null, 'aria-sort': 'none'},
    el('button', {type: 'button', onclick: () => sortBy(c)}, one.title)));

  function rowNode(row) {
    if (row.node) return row.node;
    const cells = row.text.map((text, c) => el('td', {class: numeric.has(table.columns[c].show) ? 'number' : null}, text || '–'));
    row.node = el('tr', null, cells);
    if (row.stack.length) {
      const toggle = el('button.open', {type: 'button', 'aria-expanded': 'false', 'aria-label': 'Stack'}, '▸');
      cells[0].prepend(toggle);
      row.node.classList.add('has-stack');
      row.node.addEventListener('click', () => {
        if (row.opened) row.opened.remove(), row.opened = null;
        else row.opened = stackRow(row.stack, table.columns.length), row.node.after(row.opened);
        toggle.setAttribute('aria-expanded', String(!!row.opened));
      });
    }
    return row.node;
  }
  function show() {
    const words = wanted.split(/\s+/).filter(Boolean);
    let now = rows.filter((row) => { const text = row.text.join(' ').toLowerCase(); return words.every((word) => text.includes(word)); });
    if (column >= 0) now = sorted(now, column, down);
    replaceChildren(body, now.flatMap((row) => row.opened ? [rowNode(row), row.opened] : [rowNode(row)]));
    note.textContent = groups(now.length) + ' of ' + groups(rows.length) + ' rows' +
      (table.total > rows.length ? '; ' + groups(table.total) + ' are in the bundle: fdr show ' + data.bundle + ' ' + (table.id === 'functions' ? 'stacks' : table.id) : '');
  }
  function sortBy(c) {
    // Figures: the largest first; text from A.
    down = c === column ? !down : numeric.has(table.columns[c].show);
    column = c;
    heads.forEach((head, h) => head.setAttribute('aria-sort', h === column ? (down ? 'descending' : 'ascending') : 'none'));
    show();
  }
  show();
  return el('div.table', {'data-table': table.id},
    el('div.bar', null, el('input', {type: 'search', placeholder: 'Filter rows', 'aria-label': 'Filter rows',
      oninput: (event) => { wanted = event.target.value.trim().toLowerCase(); show(); }}), note),
    el('div.scroll', {tabindex: 0, role: 'region', 'aria-label': table.id}, el('table', null, el('thead', null, el('tr', null, heads)), body)));
}

function tables() {
  const all = [functionTable(), ...data.tables].filter((table) => table.rows.length > 0);
  if (all.length === 0) return el('section', {id: 'tables'});
  const made = new Map(), place = el('div');
  const show = (id) => {
    if (!made.has(id)) made.set(id, tableView(all.find((table) => table.id === id)));
    replaceChildren(place, made.get(id));
  };
  show(all[0].id);
  return el('section', {id: 'tables'},
    el('div.bar', null, el('h2', null, 'Tables'),
      choice('Table', all.map((table) => [table.id, tableTitles[table.id] || table.id]), all[0].id, show)),
    place);
}
