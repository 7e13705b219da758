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
  const url = `/api/events?topics=${[...topics]}`, mine = new EventSource(url);
  source = mine;
  for (const name of new Set(handlers.map(([name]) => name))) source.addEventListener(name, message => deliver(name, message));
  source.onerror = async () => {
    lostAt ??= Date.now();
    const refused = mine.readyState === EventSource.CLOSED; // else the browser tries again by itself
    if (refused) retry = setTimeout(connect, 5000);
    const why = refused && await refusal(url);
    if (mine === source) say('lost', why ? `not live: ${why}` : `not connected since ${clock(lostAt)}`);
  };
}

// refusal asks for a stream as the browser did, which keeps to itself why it got none.
async function refusal(url) {
  const ask = new AbortController();
  try {
    const reply = await fetch(url, { headers: { Accept: 'text/event-stream' }, signal: ask.signal });
    return reply.ok ? '' : (await reply.text()).trim();
  } catch {
    return ''; // nobody is there
  } finally {
    ask.abort();
  }
}

// deliver reads what came once, and not at all for who only wants to know that it did.
function deliver(name, message) {
  const handles = handlers.filter(([mine]) => mine === name).map(([, handle]) => handle);
  const data = handles.some(handle => handle.length > 0) ? JSON.parse(message.data) : undefined;
  for (const handle of handles) handle(data);
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
