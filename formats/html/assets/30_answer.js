// The first screen: what fired, since when, how sure; what speaks for what; what it was not. As the terminal has it.

function fact(label, ...text) {
  return [el('dt', null, label), el('dd', null, ...text)];
}

function whoText(target) {
  let text = (target.names || []).join(', ') || (target.command || [])[0] || 'no target';
  if (target.mode) text += ' (' + target.mode + ')';
  const pids = target.pids || [];
  if (pids.length) text += ', pid ' + pids.slice(0, 4).join(' ') + (pids.length > 4 ? ' and ' + (pids.length - 4) + ' more' : '');
  const command = (target.command || []).join(' ');
  return command && command !== text ? text + ': ' + command : text;
}

function whereText(host) {
  const parts = [host.name || 'unknown host', 'Linux ' + host.kernel, host.cpus + ' CPUs'];
  if (host.memory_bytes > 0) parts.push(bytesText(host.memory_bytes));
  parts.push('fdr ' + data.fdr + (data.backend ? ' ' + data.backend : ''));
  return parts.join(', ');
}

function sinceText(onset, baseline) {
  const compared = baseline ? '; compared with ' + baseline.what : '';
  if (!onset.known) return ['unknown: ' + onset.how + compared];
  return [el('b', null, onset.time.slice(11, 21) + ' (' + atText(onset.at_s) + ')'), ' ' + onset.how + compared];
}

function header(report) {
  const trigger = report.trigger;
  const rule = trigger.when && !String(trigger.evidence || '').startsWith(trigger.when);
  const losses = data.losses.length === 0 ? ['nothing that is known'] :
    data.losses.length === 1 ? [data.losses[0]] :
    [el('details', null, el('summary', null, data.losses[0] + ' (' + (data.losses.length - 1) + ' more)'),
        el('ul', null, data.losses.slice(1).map((loss) => el('li', null, loss))))];
  return el('header', null,
    el('p.fired', null, 'Fired'),
    el('h1', null, trigger.name || 'no rule', trigger.value_text ? el('span.value', null, ' ' + trigger.value_text) : null),
    el('p.when', null, String(trigger.time).replace('T', ' ').replace('Z', ' UTC')),
    el('dl.facts', null,
      rule ? fact('rule', trigger.when) : null,
      trigger.evidence ? fact('why', trigger.evidence) : null,
      fact('since', ...sinceText(report.onset, report.baseline)),
      fact('who', whoText(report.target)),
      fact('where', whereText(report.host)),
      fact('window', report.window.before_s.toFixed(1) + ' s before and ' + report.window.after_s.toFixed(1) + ' s after; ' + data.obtained),
      fact('sure', data.sure),
      el('dt', null, 'lost'), el('dd', {class: data.losses.length ? 'lost' : null}, ...losses)));
}

function findingFor(finding) {
  const meter = el('span.meter', {title: 'score ' + finding.score.toFixed(2), 'aria-hidden': 'true'}, el('span'));
  meter.firstChild.style.width = Math.round(100 * Math.min(1, Math.max(0, finding.score))) + '%';
  return el('li', {'data-finding': finding.id},
    el('h3', null, finding.title, meter),
    el('p', null, finding.evidence),
    finding.more ? el('p.more', null, el('code', null, finding.more.replace('BUNDLE', data.bundle))) : null);
}

function plainFinding(finding) {
  return el('li', {'data-finding': finding.id}, el('b', null, finding.title), el('span', null, finding.evidence));
}

function answer() {
  const report = data.report;
  const of = (verdict) => report.findings.filter((finding) => finding.verdict === verdict);
  const accused = of('for'), against = of('against'), unknown = of('not-measurable');
  return el('section.answer', {id: 'answer'},
    header(report),
    el('div.judgement', null,
      el('div', null,
        el('h2', null, 'Findings', el('small', null, accused.length + ' of ' + report.findings.length + ' theories speak for something')),
        accused.length ? el('ol.findings', null, accused.map(findingFor)) : el('p.none', null, 'None: nothing measured here stands out.')),
      el('div', null,
        el('h2', null, 'Ruled out', el('small', null, String(against.length))),
        against.length ? el('ul.against', {tabindex: 0, 'aria-label': 'Ruled out'}, against.map(plainFinding)) : el('p.none', null, 'Nothing that could be measured.'),
        unknown.length ? el('details.unknown', null,
          el('summary', null, unknown.length + ' not measurable here'),
          el('ul.against', null, unknown.map(plainFinding))) : null)));
}
