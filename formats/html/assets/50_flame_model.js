// A flame graph's tree: weights with and without callees on each side of the onset, and where a frame stands in a view of it.

class FlameTree {
  constructor(graph) {
    const n = graph.nodes.length / 5;
    this.unit = graph.unit;
    this.seconds = graph.seconds;
    this.parent = new Int32Array(n);
    this.name = new Int32Array(n);
    this.children = Array.from({length: n}, () => []);
    this.depth = new Int32Array(n);
    this.self = [0, 1, 2].map(() => new Float64Array(n));
    this.total = [0, 1, 2].map(() => new Float64Array(n));
    for (let i = 0; i < n; ++i) {
      this.parent[i] = graph.nodes[5 * i];
      this.name[i] = graph.nodes[5 * i + 1];
      for (let side = 0; side < 3; ++side) this.self[side][i] = this.total[side][i] = graph.nodes[5 * i + 2 + side];
      if (i > 0) this.children[this.parent[i]].push(i), this.depth[i] = this.depth[this.parent[i]] + 1;
    }
    for (let i = n - 1; i > 0; --i) for (let side = 0; side < 3; ++side) this.total[side][this.parent[i]] += this.total[side][i];
    const all = (i) => this.total[0][i] + this.total[1][i] + this.total[2][i];
    // The heaviest first, the same in every view: a frame stays where it was.
    for (const list of this.children) list.sort((a, b) => all(b) - all(a));
  }

  label(i) { return i === 0 ? 'all' : data.names.text[this.name[i]]; }
  kind(i) { return i === 0 ? 2 : data.names.kind[this.name[i]]; }

  // A second, on one side.
  rate(i, side) { return this.seconds[side] > 0 ? this.total[side][i] / this.seconds[side] : 0; }

  // How wide a frame is in a view; views add up, so children never outgrow their parent.
  width(i, view) {
    if (view === 'quiet') return this.total[0][i];
    if (view === 'incident') return this.total[1][i];
    if (view === 'difference') return this.rate(i, 0) + this.rate(i, 1);
    return this.total[0][i] + this.total[1][i] + this.total[2][i];
  }

  ownWidth(i, view) {
    let rest = this.width(i, view);
    for (const child of this.children[i]) rest -= this.width(child, view);
    return Math.max(0, rest);
  }

  // -1 (only before) .. 1 (only since).
  gain(i) {
    const before = this.rate(i, 0), since = this.rate(i, 1);
    return before + since > 0 ? (since - before) / (before + since) : 0;
  }

  // [{i, x, w, depth}] of the frames at least `least` wide, of a canvas `across` wide: the zoomed frame's callers fill it.
  layout(zoom, view, across, least) {
    const frames = [], path = [];
    for (let i = zoom; i !== 0; i = this.parent[i]) path.push(i);
    path.push(0);
    for (const i of path.reverse()) if (i !== zoom) frames.push({i, x: 0, w: across, depth: this.depth[i], caller: true});
    const whole = this.width(zoom, view);
    if (!(whole > 0)) return frames;
    const todo = [[zoom, 0]];
    while (todo.length) {
      const [i, x] = todo.pop();
      const w = this.width(i, view) / whole * across;
      frames.push({i, x, w, depth: this.depth[i], caller: false});
      let at = x;
      for (const child of this.children[i]) {
        const wide = this.width(child, view) / whole * across;
        if (wide >= least) todo.push([child, at]);
        at += wide;
      }
    }
    return frames;
  }

  // Frames whose name holds `text`, and the share of the whole that has one of them on its stack.
  search(text, view) {
    const found = new Set();
    const wanted = text.toLowerCase();
    if (!wanted) return {found, share: 0};
    const fits = data.names.text.map((name) => name.toLowerCase().includes(wanted));
    const inside = new Uint8Array(this.parent.length);
    let covered = 0;
    for (let i = 1; i < this.parent.length; ++i) {
      const hit = fits[this.name[i]];
      if (hit) found.add(i);
      if (hit && !inside[this.parent[i]]) covered += this.width(i, view);
      inside[i] = hit || inside[this.parent[i]] ? 1 : 0;
    }
    const whole = this.width(0, view);
    return {found, share: whole > 0 ? covered / whole : 0};
  }
}
