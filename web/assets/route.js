// One route: what can be copied of it, and its latest requests.
import { $ } from './dom.js';
import { ask, copy, curlOf, urlOf, yamlOf } from './copy.js';
import { refresh } from './live.js';
import { on } from './stream.js';

const copies = { URL: urlOf, curl: curlOf, YAML: yamlOf };

async function copyAs(name) {
  const uri = $('copies').dataset.uri;
  copy(copies[name](await ask(uri)), name === 'URL' ? undefined : `${uri} as ${name === 'curl' ? 'a curl command' : name}`);
}

export const view = {
  links: () => [...document.querySelectorAll('.requests .uri')],
  details: link => link.click(),
  copy: copyAs,
};

export function start() {
  // A route that goes or comes makes another page of this one.
  const uri = new URLSearchParams(location.search).get('uri'), gone = !$('copies');
  on(gone ? 'routes' : 'gone', news => { if ([news].flat().some(route => route.uri === uri)) location.reload(); });
  if (gone) {
    document.documentElement.dataset.drawn = 'no more';
    return;
  }
  on('requests', refresh);
  $('copies').hidden = false;
  $('copies').addEventListener('click', event => {
    const name = event.target.closest('[data-copy]')?.dataset.copy;
    if (name) copyAs(name);
  });
  $('main').addEventListener('click', event => {
    if (event.target.matches('[data-pin]')) copy(event.target.parentNode.parentNode.querySelector('.pin').textContent, 'the command');
  });
}
