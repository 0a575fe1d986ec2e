// Draws one view of a flame graph on a canvas. The canvas is as high as what is seen of it: deep graphs scroll below it.

const rowHeight = 18;

// Own code warm, the kernel cool, what only groups grey: told apart at a glance, and by lightness without colours.
function frameColor(tree, i, view, dark) {
  if (view === 'difference') {
    const gain = tree.gain(i), strength = Math.abs(gain);
    const light = dark ? 30 + 16 * strength : 92 - 24 * strength;
    return `hsl(${gain > 0 ? 8 : 212} ${Math.round(70 * strength)}% ${light}%)`;
  }
  const name = tree.label(i);
  let hash = 0;
  for (let c = 0; c < name.length; ++c) hash = (31 * hash + name.charCodeAt(c)) | 0;
  const vary = (Math.abs(hash) % 100) / 100;
  switch (tree.kind(i)) {
    case 1: return `hsl(${205 + 20 * vary} ${dark ? 24 : 36}% ${dark ? 34 + 8 * vary : 80 - 8 * vary}%)`;
    case 2: return dark ? 'hsl(220 6% 32%)' : 'hsl(220 10% 86%)';
    case 3: return dark ? 'hsl(220 4% 24%)' : 'hsl(220 8% 93%)';
    default: return `hsl(${26 + 20 * vary} ${dark ? 38 : 76}% ${dark ? 36 + 8 * vary : 80 - 9 * vary}%)`;
  }
}

// As much of `text` as fits; both ends of a long name say more than its first half.
function fitted(ctx, text, width, charWidth) {
  const most = Math.floor(width / charWidth);
  if (text.length <= most) return text;
  if (most < 3) return '';
  if (most < 9) return text.slice(0, most - 1) + '…';
  const back = Math.floor((most - 1) / 3);
  return text.slice(0, most - 1 - back) + '…' + text.slice(text.length - back);
}

function paintFlames(canvas, tree, frames, state, scrollTop, width, height) {
  const ratio = devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = width + 'px';
  canvas.style.height = height + 'px';
  const ctx = canvas.getContext('2d');
  ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
  ctx.clearRect(0, 0, width, height);
  ctx.font = '12px ' + color('mono');
  ctx.textBaseline = 'middle';
  const charWidth = ctx.measureText('m').width;
  const dark = scheme.matches, ink = color('flame-ink'), found = color('found'), focus = color('accent');
  for (const frame of frames) {
    const y = frame.depth * rowHeight - scrollTop;
    if (y + rowHeight < 0 || y > height) continue;
    const wide = Math.max(frame.w - 1, 0.5);
    ctx.globalAlpha = frame.caller ? 0.55 : 1;
    ctx.fillStyle = state.found.has(frame.i) ? found : frameColor(tree, frame.i, state.view, dark);
    ctx.fillRect(frame.x, y, wide, rowHeight - 1);
    if (frame.w > 22) {
      ctx.fillStyle = ink;
      ctx.fillText(fitted(ctx, tree.label(frame.i), frame.w - 8, charWidth), frame.x + 4, y + rowHeight / 2);
    }
    if (frame.i === state.selected) {
      ctx.globalAlpha = 1;
      ctx.strokeStyle = focus;
      ctx.lineWidth = 2;
      ctx.strokeRect(frame.x + 1, y + 1, Math.max(wide - 2, 1), rowHeight - 3);
    }
  }
  ctx.globalAlpha = 1;
}
