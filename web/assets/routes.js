// The table of routes: drawn from the stream, a frame of changes at a time.
import { $, flash, make, morph } from './dom.js';
import { ask, copy, curlOf, urlOf, yamlOf } from './copy.js';
import { about, detail, isWebLink, label, left, now, pinLink, plural, uriParts, whys } from './words.js';
import { errorShare, millis, perSecond, rate, sparkPath, svg } from './plot.js';
import { on } from './stream.js';

const body = $('table').tBodies[0], search = $('search').elements.q;
const rows = new Map(); // uri -> {tr, route, keys, shape, text, near, stale}
let pinPath = '', known = false; // the routes: until they have come, the server's rows stand

// A cell is drawn anew when what it depends on has changed.
const uncounted = new Set(['requests', 'in_flight', 'last_seen', 'expires', 'traffic', 'errors']);
const shape = route => JSON.stringify(route, (key, value) => uncounted.has(key) ? undefined : value);
const cells = [
  { name: 'th', of: r => [r.uri, r.url, r.app, r.sticky], draw: drawURI },
  { name: 'td', of: r => [r.instances, r.url], draw: drawInstances, class: 'instances' },
  { name: 'td', of: r => [r.source, expiry(r)], draw: drawSource, class: 'source' },
  { name: 'td', of: r => [r.traffic, r.requests, r.traffic?.counts && Math.floor(now() / stride)], draw: drawTraffic, class: 'traffic' },
  { name: 'td', of: r => [r.traffic?.p50_ms, r.traffic?.p95_ms], draw: r => r.traffic?.p95_ms ? [`${millis(r.traffic.p50_ms)} / ${millis(r.traffic.p95_ms)}`] : [], class: 'number latency' },
  { name: 'td', of: r => errorShare(r.traffic), draw: drawErrors, class: 'number errors' },
  { name: 'td', of: r => r.uri, draw: r => [make('a', { href: detail(r.uri) }, make('span', { class: 'unseen' }, `Details of ${r.uri}`))], class: 'more' },
];
const unshown = new Set(['last_seen', 'expires', 'requests', 'errors']); // of an instance
const omit = (key, value) => unshown.has(key) ? undefined : value;

function drawURI(r) {
  const [name, rest, path] = uriParts(r.uri);
  const parts = [make('b', {}, name), make('i', {}, rest), make('wbr'), path];
  const uri = isWebLink(r.url)
    ? make('a', { class: 'uri', href: r.url, target: '_blank', rel: 'noopener' }, ...parts)
    : make('span', { class: 'uri', tabindex: -1 }, ...parts);
  return [uri, ...(r.sticky ? [' ', make('span', { class: 'sticky', title: 'sessions stay with their instance' }, 'sticky')] : []),
    ...(r.app && r.app !== name && r.app !== r.uri.split('/')[0] ? [make('small', {}, r.app)] : [])];
}

function drawInstances(r) {
  if (!r.instances.length) return [make('span', { class: 'none' }, 'none')];
  return [...r.instances.map(i => drawChip(i, pinLink(pinPath, r, i))), ...whys(r.instances).map(line => make('span', { class: 'why' }, line))];
}

function drawChip(i, pin) {
  const link = pin ? { title: `open this one: ${about(i)}`, href: pin, target: '_blank', rel: 'noopener' } : { title: about(i) };
  return make(pin ? 'a' : 'span', { class: i.health ? `chip ${i.health}` : 'chip', ...link }, label(i.addr),
    ...(i.tls ? [' ', make('small', {}, 'tls')] : []), ...(i.in_flight ? [' ', make('small', {}, `${i.in_flight} open`)] : []));
}

function expiry(r) {
  return r.instances.map(i => i.expires).filter(Boolean).sort((a, b) => Date.parse(a) - Date.parse(b))[0];
}

function drawSource(r) {
  const until = expiry(r);
  return [make('span', {}, r.source), ...(until ? [' ', make('time', { class: 'left', datetime: until }, left(until))] : [])];
}

function drawTraffic(r, td) {
  const plot = svg();
  plot.firstElementChild.setAttribute('d', sparkPath(r.traffic));
  td.title = `${r.requests} since the start`;
  return [plot, ` ${perSecond(rate(r.traffic))}`];
}

function drawErrors(r, td) {
  td.classList.toggle('bad', r.traffic?.errors_5xx > 0);
  return [errorShare(r.traffic)];
}

// pass moves the plots on: time alone is no change that the server tells.
const stride = 5000; // ms
function pass() {
  for (const row of rows.values()) if (row.route.traffic?.counts && !changed.has(row.route.uri)) paintNear(row);
}

// Counters change all the time. They are painted in the rows that are in view or
// close to it, and in others when they come there.
const sight = new IntersectionObserver(entries => {
  for (const { target, isIntersecting } of entries) {
    const row = rows.get(target.dataset.uri);
    if (!row) continue;
    row.near = isIntersecting;
    if (row.near && row.stale) paint(row);
  }
}, { rootMargin: '400px' });

function paintNear(row) {
  if (row.near) paint(row); else row.stale = true;
}

function paint(row) {
  row.stale = false;
  cells.forEach((cell, i) => {
    const key = JSON.stringify(cell.of(row.route), omit);
    if (row.keys[i] !== key) redraw(row.tr.cells[i], cell.draw(row.route, row.tr.cells[i]));
    row.keys[i] = key;
  });
}

// Changes wait for the next frame. One that has many to draw leaves the rest to the
// frames after it, so that a thousand busy routes never hold up the browser.
const changed = new Map(); // uri -> route, null for one that is gone
const budget = 6; // ms of a frame
let due = 0;
function change(uri, route) {
  changed.set(uri, route);
  due ||= requestAnimationFrame(frame);
}

function frame() {
  const until = performance.now() + budget;
  for (const uri of changed.keys()) {
    draw(uri, true);
    if (performance.now() > until) break;
  }
  due = changed.size > 0 ? requestAnimationFrame(frame) : 0;
  if (!due && !summed) total();
}

function drawAll(lit) {
  for (const uri of changed.keys()) draw(uri, lit);
  total();
}

function draw(uri, lit) {
  const route = changed.get(uri);
  changed.delete(uri);
  if (route) upsert(route, lit); else remove(uri);
}

function upsert(route, lit) {
  const row = rows.get(route.uri) || add(route.uri), before = row.shape;
  row.route = route;
  row.shape = shape(route);
  if (row.shape === before) return paintNear(row);
  row.text = searchable(route);
  paint(row);
  if (!row.tr.isConnected) body.insertBefore(row.tr, follower(route));
  filter(row);
  if (lit) flash(row.tr);
  summed = false;
}

function add(uri) {
  return know(uri, make('tr', { role: 'row', 'data-uri': uri }, ...cells.map(cell =>
    make(cell.name, cell.name === 'th' ? { scope: 'row', role: 'rowheader' } : { role: 'cell', class: cell.class }))));
}

function know(uri, tr, route) {
  const row = { tr, route, keys: [] };
  rows.set(uri, row);
  sight.observe(tr);
  return row;
}

// adopt takes over the server's rows, which somebody may be clicking on.
function adopt(routes) {
  for (const tr of [...body.rows]) {
    const { uri } = tr.dataset, route = routes.get(uri);
    if (route) know(uri, tr, route); else tr.remove();
  }
}

function remove(uri) {
  const row = rows.get(uri);
  if (!row) return;
  sight.unobserve(row.tr);
  row.tr.remove();
  rows.delete(uri);
  summed = false;
}

// redraw keeps the nodes, that a click which has begun ends where it began, and the
// focus at its place.
function redraw(cell, nodes) {
  if (!cell.hasChildNodes()) return cell.append(...nodes);
  const focusable = () => [...cell.querySelectorAll('a, button, [tabindex]')];
  const focused = cell.contains(document.activeElement) ? focusable().indexOf(document.activeElement) : -1;
  const fresh = cell.cloneNode();
  fresh.append(...nodes, ...(cell.contains(actions) ? [actions.cloneNode(true)] : []));
  fresh.normalize();
  morph(cell, fresh);
  if (focused >= 0) focusable()[focused]?.focus();
}

// The order. A column of numbers begins with the greatest.
const down = r => r.instances.filter(i => i.health === 'down').length;
const text = (a, b) => a < b ? -1 : a > b ? 1 : 0;
const orders = {
  uri: (a, b) => text(a.uri, b.uri),
  instances: (a, b) => down(b) - down(a) || b.instances.length - a.instances.length,
  source: (a, b) => text(a.source, b.source),
  rate: (a, b) => rate(b.traffic) - rate(a.traffic) || b.requests - a.requests,
  p95: (a, b) => b.traffic.p95_ms - a.traffic.p95_ms,
  errors: (a, b) => b.traffic.errors_5xx - a.traffic.errors_5xx || b.traffic.errors_4xx - a.traffic.errors_4xx,
};
let by = new URLSearchParams(location.search).get('sort') || 'uri';
function compare(a, b) {
  const order = (orders[by.replace(/^-/, '')] || orders.uri)(a, b);
  return (by.startsWith('-') ? -order : order) || text(a.uri, b.uri);
}

// follower finds the row before which a route belongs: null for the end.
function follower(route) {
  let low = 0, high = body.rows.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compare(rows.get(body.rows[middle].dataset.uri).route, route) < 0) low = middle + 1; else high = middle;
  }
  return body.rows[low] || null;
}

// order puts all rows in their places, unless somebody is among them.
function order() {
  if (body.contains(document.activeElement) || body.matches(':hover')) return;
  const sorted = [...rows.values()].sort((a, b) => compare(a.route, b.route)).map(row => row.tr);
  if (sorted.some((tr, i) => body.rows[i] !== tr)) body.append(...sorted);
}

function sortBy(event) {
  const link = event.target.closest('a[data-sort]');
  if (!link || event.ctrlKey || event.metaKey) return;
  event.preventDefault();
  by = by === link.dataset.sort ? `-${by}` : link.dataset.sort;
  for (const a of $('table').tHead.querySelectorAll('a')) {
    const numeric = !['uri', 'source'].includes(a.dataset.sort), mine = a.dataset.sort === by.replace(/^-/, '');
    if (mine) a.parentNode.setAttribute('aria-sort', numeric !== by.startsWith('-') ? 'descending' : 'ascending');
    else a.parentNode.removeAttribute('aria-sort');
  }
  order();
  remember();
}

// remember keeps search and order in the address.
function remember() {
  const query = new URLSearchParams();
  if (search.value.trim()) query.set('q', search.value.trim());
  if (by !== 'uri') query.set('sort', by);
  history.replaceState(null, '', query.size ? `?${query}` : location.pathname);
}

function searchable({ uri, app, source, instances }) {
  return [uri, app, source, ...instances.map(i => `${i.addr} ${i.health || ''} ${i.health_why || ''}`)].join(' ').toLowerCase();
}

let words = [];
function filter(row) {
  const hide = !words.every(word => row.text.includes(word));
  if (row.tr.hidden !== hide) row.tr.hidden = hide;
}

let summed = false; // what total says is how it is
function total() {
  summed = true;
  let instances = 0, fallen = 0, shown = 0;
  for (const { route, tr } of rows.values()) {
    instances += route.instances.length;
    fallen += down(route);
    if (!tr.hidden) shown++;
  }
  const count = `${plural(rows.size, 'route')}, ${plural(instances, 'instance')}${fallen ? `, ${fallen} down` : ''}`;
  $('count').textContent = shown < rows.size ? `${shown} of ${count}` : count;
  $('down').replaceChildren(...(fallen ? [`${fallen} `, make('span', {}, 'down')] : []));
  $('table').hidden = shown === 0;
  $('unmatched').hidden = shown > 0 || rows.size === 0;
  $('empty').hidden = rows.size > 0;
  $('search').hidden = rows.size === 0;
}

function searched() {
  words = search.value.toLowerCase().split(/\s+/);
  remember();
  if (!known) return;
  for (const row of rows.values()) filter(row);
  total();
}

// The buttons of the row where the pointer or the focus is.
const copies = { URL: urlOf, curl: curlOf, YAML: yamlOf };
const actions = make('div', { class: 'actions', 'data-key': 'actions', role: 'group', 'aria-label': 'Copy' }, ...Object.keys(copies).map(name =>
  make('button', { type: 'button', 'data-copy': name, title: `copy ${name === 'curl' ? 'a curl command' : `the ${name}`}` }, name)));
function hold(event) {
  const tr = event.target.closest?.('tr');
  if (tr && !tr.contains(actions)) tr.cells[0].append(actions);
}

export const view = {
  links: () => [...body.querySelectorAll('tr:not([hidden]) .uri')],
  search,
  async copy(name, link) {
    const { uri } = link.closest('tr').dataset, route = rows.get(uri)?.route || await ask(uri);
    copy(copies[name](route), name === 'URL' ? undefined : `${route.uri} as ${name === 'curl' ? 'a curl command' : name}`);
  },
  details: link => link.closest('tr').querySelector('.more > a').click(),
};

export function start() {
  words = search.value.toLowerCase().split(/\s+/);
  document.documentElement.dataset.drawn = 'by script';
  on('snapshot', s => {
    pinPath = s.pin_path;
    const first = !known, present = new Map(s.routes.map(r => [r.uri, r]));
    known = true;
    if (first) adopt(present);
    for (const uri of rows.keys()) if (!present.has(uri)) changed.set(uri, null);
    for (const route of s.routes) changed.set(route.uri, route);
    drawAll(!first);
    if (first) order();
  });
  on('routes', all => { for (const route of all) change(route.uri, route); });
  on('gone', ({ uri }) => change(uri, null));
  setInterval(() => {
    pass();
    if (by !== 'uri') order();
  }, stride);
  $('search').addEventListener('submit', event => {
    if (!known) return; // the server searches
    event.preventDefault();
    view.links()[0]?.focus();
  });
  search.addEventListener('input', searched);
  $('table').tHead.addEventListener('click', sortBy);
  body.addEventListener('pointerover', hold);
  body.addEventListener('focusin', hold);
  body.addEventListener('click', event => {
    const name = event.target.closest('[data-copy]')?.dataset.copy;
    if (name) view.copy(name, event.target);
  });
}
