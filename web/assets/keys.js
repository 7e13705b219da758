// The keyboard. What it acts on is the row that has the focus.
import { $, make } from './dom.js';
import { toast } from './copy.js';

let view = {};
const go = path => () => { location.href = path; };
const current = () => document.activeElement.closest?.('tbody tr, [data-row]')?.querySelector('.uri');

function move(step) {
  const all = view.links?.() || [], at = all.indexOf(current());
  all[at < 0 ? 0 : Math.min(all.length - 1, Math.max(0, at + step))]?.focus();
}

// act does something with the chosen row.
const act = what => () => {
  const link = current();
  if (!link) return toast('choose a row first, with j and k');
  what(link);
};
const copies = name => () => view.links ? act(link => view.copy?.(name, link))() : view.copy?.(name);

const keys = {
  '/': () => { view.search?.focus(); view.search?.select(); },
  j: () => move(1),
  k: () => move(-1),
  o: act(link => link.click()),
  d: act(link => view.details?.(link)),
  c: copies('URL'),
  u: copies('curl'),
  y: copies('YAML'),
  p: () => view.pause?.(),
  r: () => view.replay?.(),
  e: () => view.edit?.(),
  '?': help,
};

async function help() {
  if ($('help')) return $('help').close();
  const reply = await fetch('/help');
  const page = new DOMParser().parseFromString(await reply.text(), 'text/html');
  if ($('help')) return; // asked for twice
  const close = make('button', { type: 'button', class: 'quiet', autofocus: '' }, 'Close');
  const dialog = make('dialog', { id: 'help', 'aria-label': 'Keyboard' }, document.importNode(page.getElementById('shortcuts'), true), close);
  close.addEventListener('click', () => dialog.close());
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}

export function start(of) {
  view = of || view;
  [...document.querySelectorAll('#views a')].forEach((a, i) => { keys[i + 1] = go(a.getAttribute('href')); });
  $('keys').addEventListener('click', event => {
    event.preventDefault();
    help();
  });
  addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches('input, textarea, select')) {
      if (event.key === 'Escape') leave(event.target);
      return;
    }
    if ($('help') && event.key !== '?' || !Object.hasOwn(keys, event.key)) return;
    event.preventDefault();
    keys[event.key]();
  });
}

function leave(field) {
  if (field === view.search && field.value) {
    field.value = '';
    field.dispatchEvent(new Event('input', { bubbles: true }));
  }
  field.blur();
}
