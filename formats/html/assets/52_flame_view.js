// One flame graph with its views, search and zoom; by mouse, and by keyboard: arrows walk the frames, Enter zooms, Escape goes
// back to the whole.

const flameMostHeight = 560;

function sideTexts(tree, i) {
  const text = (side) => {
    const whole = tree.total[side][0];
    return weightText(tree.total[side][i], tree.unit) + ' (' + shareText(tree.total[side][i], whole) + ')';
  };
  const each = (side) => tree.unit === 'samples' ? tree.rate(i, side).toFixed(1) + '/s' : weightText(tree.rate(i, side), tree.unit) + '/s';
  if (!data.sides.known) return text(1);
  return 'before ' + text(0) + ', ' + each(0) + '; since ' + text(1) + ', ' + each(1);
}

function flameGraph(graph) {
  const tree = new FlameTree(graph);
  const state = {view: data.sides.known ? 'incident' : 'whole', zoom: 0, selected: -1, found: new Set(), wanted: ''};
  let frames = [];
  const canvas = el('canvas', {tabindex: 0, role: 'img'});
  const space = el('div.space', null, canvas);
  const scroll = el('div.flame', null, space);
  const detail = el('p.detail', {'aria-live': 'polite'}), matched = el('span.matched', {'aria-live': 'polite'});
  const reset = el('button', {type: 'button', class: 'reset', onclick: () => zoomTo(0)}, 'Reset zoom');
  const search = el('input', {type: 'search', class: 'flame-search', placeholder: 'Search functions  ( / )', 'aria-label': 'Search functions',
    oninput: () => { state.wanted = search.value.trim(); find(); draw(); },
    onkeydown: (event) => { if (event.key === 'Enter') zoomToFound(); }});
  const views = data.sides.known ?
    [['quiet', 'Quiet'], ['incident', 'Incident'], ['difference', 'Difference'], ['whole', 'Whole window']] : [['whole', 'Whole window']];

  function layout() {
    frames = tree.layout(state.zoom, state.view, scroll.clientWidth, 0.4);
    const deepest = frames.reduce((most, frame) => Math.max(most, frame.depth), 0);
    const height = (deepest + 1) * rowHeight;
    space.style.height = height + 'px';
    return Math.min(height, flameMostHeight);
  }
  function draw() {
    const height = layout();
    paintFlames(canvas, tree, frames, state, scroll.scrollTop, scroll.clientWidth, height);
    canvas.setAttribute('aria-label', graph.title + ', ' + state.view + ', flame graph: ' + tree.label(state.zoom));
    reset.disabled = state.zoom === 0;
    if (tree.width(0, state.view) === 0) detail.textContent = 'Nothing was seen on this side.';
    else if (state.selected < 0) detail.textContent = weightText(Math.round(tree.width(0, state.view === 'difference' ? 'whole' : state.view)), tree.unit) +
      (state.view === 'difference' ? ' in the whole window. Width: both sides a second; red: more since the onset; blue: less.' : ' in this view. Click a frame to zoom.');
  }
  function find() {
    const {found, share} = tree.search(state.wanted, state.view);
    state.found = found;
    matched.textContent = state.wanted ? found.size + ' frames, ' + (100 * share).toFixed(1) + ' % of this view' : '';
  }
  function tell(i) {
    replaceChildren(detail, el('b', null, tree.label(i)), ' ' + sideTexts(tree, i) + '; itself ' +
      shareText(tree.ownWidth(i, state.view), tree.width(0, state.view)) + ' of this view');
  }
  function select(i) {
    state.selected = i;
    tell(i);
    const y = tree.depth[i] * rowHeight;
    if (y < scroll.scrollTop) scroll.scrollTop = y;
    if (y + rowHeight > scroll.scrollTop + scroll.clientHeight) scroll.scrollTop = y + rowHeight - scroll.clientHeight;
    draw();
  }
  function zoomTo(i) {
    state.zoom = i;
    state.selected = i === 0 ? -1 : i;
    if (i !== 0) tell(i);
    draw();
  }
  function zoomToFound() {
    let best = -1;
    for (const i of state.found) if (best < 0 || tree.width(i, state.view) > tree.width(best, state.view)) best = i;
    if (best < 0) return;
    zoomTo(best);
    scroll.scrollTop = Math.max(0, (tree.depth[best] - 6) * rowHeight);
  }
  function frameAt(event) {
    const box = canvas.getBoundingClientRect();
    const x = event.clientX - box.left, depth = Math.floor((event.clientY - box.top + scroll.scrollTop) / rowHeight);
    return frames.find((frame) => frame.depth === depth && x >= frame.x && x < frame.x + Math.max(frame.w, 1));
  }
  function walk(key) {
    if (state.selected < 0) return select(state.zoom);
    const i = state.selected, seen = (j) => tree.width(j, state.view) > 0;
    if (key === 'ArrowUp') return i === 0 ? undefined : select(tree.parent[i]);
    if (key === 'ArrowDown') {
      const child = tree.children[i].find(seen);
      return child === undefined ? undefined : select(child);
    }
    if (i === 0) return undefined;
    const among = tree.children[tree.parent[i]].filter(seen);
    const next = among[among.indexOf(i) + (key === 'ArrowRight' ? 1 : -1)];
    return next === undefined ? undefined : select(next);
  }

  canvas.addEventListener('click', (event) => {
    const frame = frameAt(event);
    if (frame) zoomTo(frame.i);
  });
  canvas.addEventListener('mousemove', (event) => {
    const frame = frameAt(event);
    canvas.classList.toggle('over', !!frame);
    if (frame) tell(frame.i);
  });
  canvas.addEventListener('mouseleave', () => state.selected >= 0 ? tell(state.selected) : draw());
  canvas.addEventListener('keydown', (event) => {
    if (event.key.startsWith('Arrow')) walk(event.key);
    else if (event.key === 'Enter' && state.selected >= 0) zoomTo(state.selected);
    else if (event.key === 'Escape') zoomTo(0);
    else return;
    event.preventDefault();
  });
  scroll.addEventListener('scroll', draw);
  onResize(scroll, draw);
  return el('div.graph', {'data-graph': graph.id},
    el('div.bar', null,
      choice('View', views, state.view, (view) => { state.view = view; find(); if (state.selected >= 0) tell(state.selected); draw(); }),
      search, reset, matched),
    scroll, detail,
    graph.left_out ? el('p.note', null, groups(graph.left_out) + ' of the smallest branches are merged.') : null);
}

function flames() {
  if (data.flames.length === 0)
    return el('section', {id: 'flames'}, el('h2', null, 'Flame graphs'), el('p.none', null, 'No stacks were recorded in this window.'));
  const made = new Map(), place = el('div');
  const show = (id) => {
    if (!made.has(id)) made.set(id, flameGraph(data.flames.find((graph) => graph.id === id)));
    replaceChildren(place, made.get(id));
  };
  show(data.flames[0].id);
  return el('section', {id: 'flames'},
    el('div.bar', null, el('h2', null, 'Flame graphs'),
      choice('Flame graph of', data.flames.map((graph) => [graph.id, graph.title]), data.flames[0].id, show),
      el('span.key', null, el('i.user'), 'program', el('i.kernel'), 'kernel')),
    place);
}
