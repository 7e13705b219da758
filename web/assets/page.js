// Each page is complete as the server renders it; this keeps it current.
import { $ } from './dom.js';
import * as keys from './keys.js';
import * as live from './live.js';
import * as stream from './stream.js';

const views = {
  routes: () => import('./routes.js'),
  route: () => import('./route.js'),
  requests: () => import('./requests.js'),
  request: () => import('./request.js'),
  status: () => import('./status.js'),
};

const themes = ['auto', 'light', 'dark'];
function showTheme() {
  $('theme').textContent = `Theme: ${document.documentElement.dataset.theme || themes[0]}`;
}
$('theme').addEventListener('click', () => {
  const data = document.documentElement.dataset;
  data.theme = themes[(themes.indexOf(data.theme) + 1) % themes.length];
  try { localStorage.setItem('theme', data.theme); } catch { /* it lasts as long as the page */ }
  showTheme();
});
$('theme').hidden = false;
showTheme();

const { view, start } = await views[document.documentElement.dataset.view]?.() || {};
start?.();
keys.start(view);
document.documentElement.dataset.script = 'started';
for (const name of ['snapshot', 'file', 'event']) stream.on(name, live.refresh);
if (!document.documentElement.dataset.drawn) live.follow(stream.on);
stream.start();
setInterval(live.tick, 1000);
