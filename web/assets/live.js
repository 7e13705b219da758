// What may be stale is asked for again: the same page as the server renders it,
// of which the parts with data-live are taken over. It is parsed, not run, and
// says nothing that loading the page again would not say.
import { morph } from './dom.js';
import { ago, left } from './words.js';

const pause = 200; // ms between two requests, however much happens
const perRow = 10; // ms more for each row that was new: nobody reads a hundred at once
let asking = false, again = false;

// refresh brings the live parts up to date, soon. Where a script draws the rest,
// the smallest page is enough for what stands around it.
export async function refresh() {
  again = true;
  if (asking) return;
  asking = true;
  while (again) {
    again = false;
    let rows = 0;
    try {
      rows = await take(document.documentElement.dataset.drawn ? '/help' : location.href);
    } catch { /* the stream says that the server is gone, and asks again when it is back */ }
    await new Promise(resolve => setTimeout(resolve, pause + perRow * rows));
  }
  asking = false;
}

// take returns how many rows were new.
async function take(url) {
  const reply = await fetch(url, { headers: { Accept: 'text/html' } });
  if (!reply.ok) return 0;
  const fresh = new DOMParser().parseFromString(await reply.text(), 'text/html');
  let rows = 0;
  for (const part of document.querySelectorAll('[data-live]')) {
    const match = fresh.getElementById(part.id);
    if (match) rows += morph(part, match);
  }
  const mark = /^✗ .*? · /; // that the file has problems
  document.title = (fresh.title.match(mark)?.[0] || '') + document.title.replace(mark, '');
  return rows;
}

// follow asks again when a route changes in what every page says of it, or in
// anything when the page is its own: the counters of others change all the time.
export function follow(on) {
  const mine = new URLSearchParams(location.search).get('uri'), known = new Map();
  const told = route => [route.source, ...route.instances.map(i => i.health)].join(' ');
  on('snapshot', ({ routes }) => {
    known.clear();
    for (const route of routes) known.set(route.uri, told(route));
  });
  on('routes', routes => {
    for (const route of routes) {
      if (route.uri === mine || known.get(route.uri) !== told(route)) refresh();
      known.set(route.uri, told(route));
    }
  });
  on('gone', ({ uri }) => {
    known.delete(uri);
    refresh();
  });
}

// tick is for what changes with time alone.
export function tick() {
  for (const time of document.querySelectorAll('time.ago')) set(time, ago(time.dateTime));
  for (const time of document.querySelectorAll('time.left')) set(time, left(time.dateTime));
}

function set(node, text) {
  if (node.textContent !== text) node.firstChild.data = text;
}
