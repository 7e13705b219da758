// The page is complete as the server renders it; this script keeps it current.
// It says what page.go and page.html say, in the same words: whoever changes one
// changes the other. All names are strangers' text: textContent, never HTML.
'use strict';

const themes = ['auto', 'light', 'dark'];
let theme = 'auto';
try { theme = localStorage.getItem('theme') || theme; } catch { /* storage is off */ }
document.documentElement.dataset.theme = theme; // before the first paint

addEventListener('DOMContentLoaded', () => {
  const $ = id => document.getElementById(id);
  const table = $('table'), body = table.tBodies[0], search = $('search').querySelector('input');
  const rows = new Map(); // uri -> {tr, route, shape}
  const maxEvents = 200;
  let file = null, skew = 0, source = null, retry = 0, lostAt = null;

  // Small makers.
  function make(name, attributes, ...children) {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) if (value !== undefined) node.setAttribute(key, value);
    node.append(...children.filter(child => child !== ''));
    return node;
  }
  const now = () => Date.now() + skew;
  const two = n => String(n).padStart(2, '0');
  const clock = t => { const d = new Date(t); return [d.getHours(), d.getMinutes(), d.getSeconds()].map(two).join(':'); };
  const plural = (n, noun) => `${n} ${noun}${n === 1 ? '' : 's'}`;
  const isWebLink = url => /^(https?:\/\/|\/(?!\/))/.test(url || '');

  function ago(t) {
    const s = Math.floor((now() - Date.parse(t)) / 1000);
    if (s < 1) return 'just now';
    if (s < 60) return `${s} s ago`;
    if (s < 3600) return `${Math.floor(s / 60)} min ago`;
    return s < 86400 ? `${Math.floor(s / 3600)} h ago` : `${Math.floor(s / 86400)} d ago`;
  }
  function left(t) {
    const s = Math.floor((Date.parse(t) - now()) / 1000);
    if (s < 0) return 'due';
    if (s < 180) return `${s} s`;
    return s < 10800 ? `${Math.floor(s / 60)} min` : `${Math.floor(s / 3600)} h`;
  }

  // One route: five cells, each with what it depends on and how it is drawn.
  const counters = new Set(['requests', 'in_flight', 'last_seen', 'expires']);
  const shape = route => JSON.stringify(route, (key, value) => counters.has(key) ? undefined : value);
  const chipKey = (key, value) => key === 'last_seen' || key === 'expires' ? undefined : value;
  const columns = [
    { of: r => [r.uri, r.url, r.app], draw: drawURI },
    { of: r => JSON.stringify(r.instances, chipKey), draw: r => r.instances.length ? r.instances.map(drawChip) : [make('span', { class: 'none' }, 'none')] },
    { of: r => [r.source, expiry(r)], draw: drawSource },
    { of: r => [r.load_balancing, r.sticky], draw: r => [r.load_balancing, ...(r.sticky ? [' ', make('span', { class: 'sticky' }, 'sticky')] : [])] },
    { of: r => r.requests, draw: r => [String(r.requests)] },
  ];

  function uriParts(uri) {
    const slash = uri.indexOf('/'), host = slash < 0 ? uri : uri.slice(0, slash), path = slash < 0 ? '' : uri.slice(slash);
    const dot = host.indexOf('.', host.startsWith('*.') ? 2 : 0);
    if (dot < 0 || /^([\d.]+|\[.*\])$/.test(host)) return [host, '', path];
    return [host.slice(0, dot), host.slice(dot), path];
  }
  function drawURI(r) {
    const [name, rest, path] = uriParts(r.uri);
    const parts = [make('b', {}, name), make('i', {}, rest), make('wbr', {}), path];
    const uri = isWebLink(r.url)
      ? make('a', { class: 'uri', href: r.url, target: '_blank', rel: 'noopener' }, ...parts)
      : make('span', { class: 'uri', tabindex: -1 }, ...parts);
    return r.app && r.app !== name ? [uri, make('small', {}, r.app)] : [uri];
  }
  function label(addr) {
    const colon = addr.lastIndexOf(':');
    return /^(localhost|127\.[\d.]+|\[?::1\]?)$/.test(addr.slice(0, colon)) ? addr.slice(colon) : addr;
  }
  function drawChip(i) {
    const about = [i.addr, i.index && `instance ${i.index}`, i.id && `id ${i.id}`, i.zone && `zone ${i.zone}`, i.source && `from ${i.source}`,
      ...Object.entries(i.tags || {}).map(([name, value]) => `${name}=${value}`)].filter(Boolean).join(', ');
    const chip = make('span', { class: 'chip', title: about }, label(i.addr));
    if (i.tls) chip.append(' ', make('small', {}, 'tls'));
    if (i.in_flight) chip.append(' ', make('small', {}, `${i.in_flight} open`));
    if (i.failed) {
      chip.classList.add('failed');
      chip.tabIndex = 0;
      if (i.error) chip.title = `${i.error}\n${about}`;
      chip.append(make('span', { class: 'why' }, `failed${i.failed_since ? ' since ' + clock(i.failed_since) : ''}${i.error ? ': ' + i.error : ''}`));
    }
    return chip;
  }
  function expiry(r) {
    return r.instances.map(i => i.expires).filter(Boolean).sort((a, b) => Date.parse(a) - Date.parse(b))[0];
  }
  function drawSource(r) {
    const until = expiry(r);
    return until ? [r.source, ' ', make('time', { class: 'left', datetime: until }, left(until))] : [r.source];
  }
  function redraw(cell, nodes) {
    const focusable = () => [...cell.querySelectorAll('a, [tabindex]')];
    const focused = focusable().indexOf(document.activeElement);
    cell.replaceChildren(...nodes);
    if (focused >= 0) focusable()[focused]?.focus();
  }

  // The table.
  function upsert(route, flash = true) {
    let row = rows.get(route.uri);
    const before = row?.shape;
    if (!row) {
      row = { tr: make('tr', {}, make('th', { scope: 'row' }), ...[1, 2, 3, 4].map(() => make('td', {}))), keys: [] };
      rows.set(route.uri, row);
      row.tr.dataset.uri = route.uri;
      body.insertBefore(row.tr, follower(route.uri));
    }
    row.route = route;
    row.shape = shape(route);
    columns.forEach((column, i) => {
      const key = JSON.stringify(column.of(route));
      if (row.keys[i] !== key) redraw(row.tr.cells[i], column.draw(route));
      row.keys[i] = key;
    });
    filter(row);
    if (flash && before !== row.shape) {
      row.tr.classList.remove('flash');
      void row.tr.offsetWidth; // or the animation would not begin anew
      row.tr.classList.add('flash');
    }
  }
  // follower finds the row before which a URI belongs: null for the end.
  function follower(uri) {
    let low = 0, high = body.rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (body.rows[middle].dataset.uri < uri) low = middle + 1; else high = middle;
    }
    return body.rows[low] || null;
  }
  function remove(uri) {
    rows.get(uri)?.tr.remove();
    rows.delete(uri);
  }
  function filter(row) {
    const { uri, app, source: from, instances } = row.route;
    const text = [uri, app, from, ...instances.map(i => `${i.addr} ${i.failed ? 'failed ' + i.error : ''}`)].join(' ').toLowerCase();
    row.tr.hidden = !search.value.toLowerCase().split(/\s+/).every(word => text.includes(word));
  }
  function total() {
    let instances = 0, failed = 0, shown = 0;
    for (const { route, tr } of rows.values()) {
      instances += route.instances.length;
      failed += route.instances.filter(i => i.failed).length;
      if (!tr.hidden) shown++;
    }
    $('count').textContent = `${plural(rows.size, 'route')}, ${plural(instances, 'instance')}${failed ? `, ${failed} failed` : ''}`;
    table.hidden = shown === 0;
    $('unmatched').hidden = shown > 0 || rows.size === 0;
    $('empty').hidden = rows.size > 0;
    $('search').hidden = rows.size === 0;
  }

  // The file.
  function verdict(f) {
    const serves = f.applied ? `The last good table still serves, applied at ${clock(f.applied)}.` : 'There has been no good version of it yet.';
    switch (f.status) {
      case 'rejected': return `has ${plural((f.problems || []).length, 'problem')} and was not applied. ${serves}`;
      case 'missing': return 'does not exist. It is read as soon as it is saved.';
      case 'empty': return `is empty, which changes nothing: apps: {} means no routes. ${serves}`;
      case 'off': return 'No routes file is watched.';
    }
    return f.status;
  }
  function drawFile(f) {
    file = f;
    $('file').dataset.status = f.status;
    $('path').textContent = f.status === 'off' ? '' : f.path;
    $('verdict').textContent = verdict(f);
    $('applied').hidden = !f.applied;
    if (f.applied) $('applied').dateTime = f.applied;
    $('problems').replaceChildren(...(f.problems || []).map(drawProblem));
    document.title = (f.status === 'rejected' ? `✗ ${f.path} · ` : '') + 'devrouter';
    count();
  }
  function drawProblem(p) {
    const at = [p.file, p.line, p.line && p.column].filter(Boolean).join(':');
    const item = make('li', {}, make('p', {}, make('b', {}, at), ' ', make('span', {}, p.message)));
    if (p.source && p.line) {
      const pad = [...p.source].slice(0, Math.max(0, (p.column || 0) - 1)).map(c => c === '\t' ? '\t' : ' ').join('');
      item.append(make('pre', { tabindex: 0 }, `${String(p.line).padStart(5)} | ${p.source}\n      | ${pad}^`));
    }
    if (p.hint) item.append(make('p', { class: 'hint' }, p.hint));
    return item;
  }

  // Events, and what changes with time alone.
  const marks = { '+': 'added', '-': 'removed', '!': 'wrong' };
  function drawEvent(e) {
    return make('li', { 'data-mark': marks[e.text[0]] || 'other' }, make('time', { datetime: e.time }, clock(e.time)), ' ', make('span', {}, e.text));
  }
  function prepend(e) {
    $('events').prepend(drawEvent(e));
    while ($('events').children.length > maxEvents) $('events').lastChild.remove();
    $('quiet').hidden = true;
  }
  function count() {
    if (file?.applied) $('applied').textContent = ago(file.applied);
    for (const time of body.querySelectorAll('.left')) time.textContent = left(time.dateTime);
  }

  // The stream. A hidden tab lets go of it: a browser opens only six
  // connections to one server, and comes back to a fresh snapshot.
  function connect() {
    disconnect();
    source = new EventSource('/api/events');
    const on = (name, handle) => source.addEventListener(name, message => handle(JSON.parse(message.data)));
    on('snapshot', takeSnapshot);
    on('route', route => { upsert(route); later(); });
    on('gone', ({ uri }) => { remove(uri); later(); });
    on('file', drawFile);
    on('event', prepend);
    source.onerror = () => {
      lostAt ??= Date.now();
      say('lost', `not connected since ${clock(lostAt)}`);
      if (source.readyState === EventSource.CLOSED) retry = setTimeout(connect, 2000);
    };
  }
  function disconnect() {
    clearTimeout(retry);
    source?.close();
  }
  function takeSnapshot(s) {
    skew = Date.parse(s.now) - Date.now();
    lostAt = null;
    say('live', 'live');
    const first = rows.size === 0, present = new Set(s.routes.map(r => r.uri));
    if (first) body.replaceChildren(); // the server's rows, which are the same
    for (const uri of rows.keys()) if (!present.has(uri)) remove(uri);
    for (const route of s.routes) upsert(route, !first);
    total();
    drawFile(s.file);
    $('events').replaceChildren(...s.events.reverse().map(drawEvent));
    $('quiet').hidden = s.events.length > 0;
  }
  let due = false; // a frame of many rows is summed up once
  function later() {
    if (due) return;
    due = true;
    setTimeout(() => { due = false; total(); });
  }
  function say(state, text) {
    $('connection').dataset.state = state;
    if ($('connection').textContent !== text) $('connection').textContent = text;
  }

  // Hands: search, keys, theme.
  let hush = 0;
  function toast(text) {
    $('said').textContent = text;
    clearTimeout(hush);
    hush = setTimeout(() => { $('said').textContent = ''; }, 2500);
  }
  const links = () => [...body.querySelectorAll('tr:not([hidden]) .uri')];
  const current = () => document.activeElement.closest?.('tbody tr')?.querySelector('.uri');
  function move(step) {
    const all = links(), at = all.indexOf(current());
    all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + step))]?.focus();
  }
  async function copy() {
    const uri = current();
    if (!uri) return toast('choose a route first, with j and k');
    const text = uri.getAttribute('href') || uri.textContent;
    try {
      await navigator.clipboard.writeText(text);
      toast(`copied ${text}`);
    } catch {
      toast(`this browser keeps its clipboard: ${text}`);
    }
  }
  const keys = {
    '/': () => { search.focus(); search.select(); },
    j: () => move(1),
    k: () => move(-1),
    o: () => (current() || links()[0])?.click(),
    c: copy,
  };
  addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target === search || !Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key]();
  });
  function searched() {
    for (const row of rows.values()) filter(row);
    total();
  }
  search.addEventListener('input', searched);
  search.addEventListener('keydown', event => {
    if (event.key === 'Enter') links()[0]?.focus();
    if (event.key !== 'Escape') return;
    search.value = '';
    search.blur();
    searched();
  });
  function showTheme() {
    document.documentElement.dataset.theme = theme;
    $('theme').textContent = `Theme: ${theme}`;
  }
  $('theme').addEventListener('click', () => {
    theme = themes[(themes.indexOf(theme) + 1) % themes.length];
    try { localStorage.setItem('theme', theme); } catch { /* it lasts as long as the page */ }
    showTheme();
  });

  for (const id of ['connection', 'theme', 'keys']) $(id).hidden = false;
  showTheme();
  setInterval(count, 1000);
  document.addEventListener('visibilitychange', () => document.hidden ? disconnect() : connect());
  if (!document.hidden) connect();
});
