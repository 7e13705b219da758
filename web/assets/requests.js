// The request log: the server filters it and writes its lines, which are asked for
// again when there are new ones.
import { $ } from './dom.js';
import { copy } from './copy.js';
import { refresh } from './live.js';
import { on } from './stream.js';

const form = $('filter');
let paused = new URLSearchParams(location.search).has('before'), due = 0;

const rows = () => [...document.querySelectorAll('.requests tbody tr')];
export const view = {
  links: () => rows().map(row => row.querySelector('.uri')),
  search: form?.elements.q,
  details: link => link.click(),
  pause,
  async copy(name, link) {
    const reply = await fetch(`/api${link.getAttribute('href')}${name === 'curl' ? '/curl' : ''}`);
    if (name === 'curl') return copy((await reply.text()).trim(), 'a curl command');
    const { url } = await reply.json();
    if (name === 'URL') copy(url);
  },
};

function pause() {
  paused = !paused;
  $('pause').setAttribute('aria-pressed', paused);
  $('pause').textContent = paused ? 'Go on' : 'Pause';
  if (!paused) refresh();
}

// filter keeps the choice in the address, and asks for its lines.
function filter() {
  const query = new URLSearchParams([...new FormData(form)].filter(([, value]) => value.trim()));
  history.replaceState(null, '', query.size ? `?${query}` : location.pathname);
  refresh();
}

export function start() {
  on('requests', () => { if (!paused) refresh(); });
  if (!form) return;
  $('pause').hidden = false;
  $('pause').addEventListener('click', pause);
  form.querySelector('[type=submit]').hidden = true;
  form.addEventListener('input', () => {
    clearTimeout(due);
    due = setTimeout(filter, 120);
  });
  form.addEventListener('submit', event => {
    event.preventDefault();
    filter();
  });
}
