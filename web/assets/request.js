// One request: again, again but different, and in other words.
import { $ } from './dom.js';
import { copy, toast } from './copy.js';

const path = `/api/requests/${$('actions').dataset.request}`;
const editor = $('editor'), fields = editor.elements;

const lines = text => new Map(text.split('\n').filter(line => line.trim()).map(line => {
  const colon = line.indexOf(':');
  return colon < 0 ? [line.trim(), ''] : [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
}));

// edit says what has been changed: what is masked and stays so is sent as it was.
function edit() {
  const change = {};
  for (const name of ['method', 'target']) if (fields[name].value !== fields[name].defaultValue) change[name] = fields[name].value;
  if (fields.body.value !== fields.body.defaultValue) change.body = fields.body.value;
  const before = lines(fields.headers.defaultValue), after = lines(fields.headers.value), headers = {};
  for (const name of before.keys()) if (!after.has(name)) headers[name] = '';
  for (const [name, value] of after) if (before.get(name) !== value) headers[name] = value;
  if (Object.keys(headers).length) change.headers = headers;
  return change;
}

async function post(action, body) {
  const reply = await fetch(`${path}/${action}`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  if (!reply.ok) throw new Error((await reply.text()).trim());
  return reply.json();
}

// replay goes to the request that it made.
async function replay(change) {
  try {
    const { id } = await post('replay', change);
    location.href = `/requests/${id}`;
  } catch (error) {
    toast(error.message);
  }
}

function toggle() {
  editor.hidden = !editor.hidden;
  $('edit').setAttribute('aria-expanded', !editor.hidden);
  if (!editor.hidden) fields.target.focus();
}

async function copyCurl() {
  const reply = await fetch(`${path}/curl`);
  copy((await reply.text()).trim(), 'a curl command');
}

// reveal puts what was masked into the heads.
async function reveal() {
  try {
    const { sent, answer } = await post('reveal', {});
    [sent, answer].forEach((message, i) => {
      const rows = $('heads').children[i].querySelectorAll('.head tr');
      message?.headers.forEach(({ value }, n) => { rows[n].lastElementChild.textContent = value; });
    });
    $('reveal').hidden = true;
  } catch (error) {
    toast(error.message);
  }
}

export const view = {
  copy: name => name === 'curl' ? copyCurl() : copy(document.querySelector('h1').textContent),
  replay: () => replay({}),
  edit: toggle,
};

export function start() {
  for (const id of ['replay', 'edit', 'curl']) $(id).hidden = false;
  $('reveal').hidden = !$('heads');
  for (const link of $('actions').querySelectorAll('a[href$="/curl"]')) link.hidden = true;
  $('replay').addEventListener('click', () => replay({}));
  $('edit').addEventListener('click', toggle);
  $('curl').addEventListener('click', copyCurl);
  $('reveal').addEventListener('click', reveal);
  const instance = new URLSearchParams(location.search).get('instance');
  if (instance) {
    fields.headers.value = `${fields.headers.value.trimEnd()}\nX-CF-App-Instance: ${instance}`;
    toggle();
  }
  editor.addEventListener('submit', event => {
    event.preventDefault();
    replay(edit());
  });
}
