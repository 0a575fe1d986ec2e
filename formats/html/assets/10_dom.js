'use strict';
// The scripts of this folder become one, in the order of their names. Whatever came from a recording enters the document by
// text() and textContent alone, never as HTML.

const data = JSON.parse(document.getElementById('data').textContent);

// el('td.number', {title: '..'}, 'text', child): strings among the children become text.
function el(kind, attributes, ...children) {
  const [tag, ...classes] = kind.split('.');
  const node = document.createElement(tag);
  if (classes.length) node.className = classes.join(' ');
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== null && value !== false) node.setAttribute(name, value === true ? '' : value);
  }
  for (const child of children.flat()) if (child !== null && child !== undefined) node.append(child);
  return node;
}

function replaceChildren(node, ...children) {
  node.replaceChildren(...children.flat().filter((child) => child !== null && child !== undefined));
}

function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();
}

// What is drawn on canvases is drawn again when its width or the colours change.
const redraws = new Set();
const scheme = matchMedia('(prefers-color-scheme: dark)');
scheme.addEventListener('change', () => redraws.forEach((draw) => draw()));
function onResize(node, draw) {
  redraws.add(draw);
  let width = 0;
  new ResizeObserver(() => {
    // What is filtered away keeps its drawing.
    if (!node.isConnected || node.clientWidth === width) return;
    width = node.clientWidth;
    draw();
  }).observe(node);
}

// A row of buttons of which one is pressed; arrow keys move among them.
function choice(label, options, chosen, choose) {
  const group = el('div.choice', {role: 'radiogroup', 'aria-label': label});
  const buttons = options.map(([id, title]) => el('button', {
    type: 'button', role: 'radio', 'data-id': id, 'aria-checked': String(id === chosen), tabindex: id === chosen ? 0 : -1,
    onclick: () => press(id),
    onkeydown: (event) => {
      const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[event.key];
      if (!step) return;
      event.preventDefault();
      const at = options.findIndex(([other]) => other === id);
      const next = (at + step + options.length) % options.length;
      press(options[next][0]);
      buttons[next].focus();
    },
  }, title));
  function press(id) {
    for (const button of buttons) {
      const is = button.dataset.id === id;
      button.setAttribute('aria-checked', String(is));
      button.tabIndex = is ? 0 : -1;
    }
    choose(id);
  }
  group.append(...buttons);
  return group;
}
