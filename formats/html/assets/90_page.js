// Puts the page together.

function page() {
  const trigger = data.report.trigger;
  document.title = (trigger.name || 'fdr') + ' on ' + (data.report.host.name || 'unknown host') + ', ' + String(trigger.time).slice(0, 19).replace('T', ' ');
  const links = [['answer', 'Answer'], ['timelines', 'Timelines'], ['flames', 'Flame graphs'], ['tables', 'Tables']];
  replaceChildren(document.getElementById('page'),
    el('nav', {'aria-label': 'Sections'}, el('b', null, 'fdr'), links.map(([id, title]) => el('a', {href: '#' + id}, title)),
      el('span.bundle', {title: data.bundle}, data.bundle)),
    el('main', null, answer(), timelines(), flames(), tables()),
    el('footer', null, el('p', null, 'Written by fdr ' + data.fdr + ' from ' + data.bundle + '. Everything on this page is in this file; it loads nothing. ' +
      'Times are seconds from the firing. Keys: / searches functions; in a flame graph arrows walk, Enter zooms, Escape resets; in charts drag zooms, a double click resets.')));
  document.addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA)$/.test(event.target.tagName)) return;
    const search = document.querySelector('.flame-search');
    if (!search) return;
    event.preventDefault();
    search.scrollIntoView({block: 'center'});
    search.focus();
  });
}

page();
document.documentElement.dataset.ready = 'yes';
