// The stream of changes: a snapshot, then what differs. A hidden tab lets go of
// it: a browser opens only six connections to one server, and who comes back
// gets a fresh snapshot.
import { $ } from './dom.js';
import { clock, setClock } from './words.js';

const handlers = []; // [name, handle]
const topics = new Set(['state', 'events']);
let source = null, retry = 0, lostAt = null;

// on has handle called with the data of each event of that name.
// Who wants to know of requests watches them, and has their heads and bodies kept.
export function on(name, handle) {
  handlers.push([name, handle]);
  if (name === 'requests') topics.add(name);
}

function connect() {
  disconnect();
  source = new EventSource(`/api/events?topics=${[...topics]}`);
  for (const [name, handle] of handlers) source.addEventListener(name, message => handle(JSON.parse(message.data)));
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

function say(state, text) {
  const node = $('connection');
  node.dataset.state = state;
  if (node.textContent !== text) node.textContent = text;
}

export function start() {
  handlers.unshift(['snapshot', s => {
    setClock(s.now);
    lostAt = null;
  }]);
  on('snapshot', () => say('live', 'live')); // once the others have drawn it
  $('connection').hidden = false;
  document.addEventListener('visibilitychange', () => document.hidden ? disconnect() : connect());
  addEventListener('pagehide', disconnect);
  addEventListener('pageshow', event => { if (event.persisted) connect(); });
  if (!document.hidden) connect();
}
