// One request: again, again but different, and in other words. The forms are the
// browser's own; this is for the keyboard and the clipboard.
import { $ } from './dom.js';
import { copy } from './copy.js';

const editor = $('editor');

async function copyCurl() {
  const reply = await fetch(`/api/requests/${$('actions').dataset.request}/curl`);
  copy((await reply.text()).trim(), 'a curl command');
}

const editing = () => editor?.matches(':target, [data-open]');

function toggle() {
  if (!editor) return;
  const open = editing();
  editor.removeAttribute('data-open');
  location.hash = open ? '#actions' : '#editor';
}

export const view = {
  copy: name => name === 'curl' ? copyCurl() : copy(document.querySelector('h1').textContent),
  replay: () => $('replay')?.requestSubmit(),
  edit: toggle,
};

export function start() {
  $('curl').hidden = false;
  $('curl').addEventListener('click', copyCurl);
  for (const link of $('actions').querySelectorAll('a[href$="/curl"]')) link.hidden = true;
  addEventListener('hashchange', () => { if (editing()) editor.elements.target.focus(); });
}
