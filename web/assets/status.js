// The figures, asked for every two seconds, and plots of what they were while this
// page is open.
import { $ } from './dom.js';
import { refresh } from './live.js';
import { areaPath } from './plot.js';

const steps = 60, history = { heap: [], cpu: [], goroutines: [] };

function sample() {
  const values = $('samples').getAttribute('value').split(' ').map(Number);
  Object.values(history).forEach((list, i) => {
    list.push(values[i]);
    if (list.length > steps) list.shift();
  });
  for (const plot of document.querySelectorAll('[data-plot]')) {
    const list = history[plot.dataset.plot];
    plot.firstElementChild.setAttribute('d', areaPath([...new Array(steps - list.length).fill(0), ...list]));
  }
}

export function start() {
  if (!$('samples')) return;
  $('plots').hidden = false;
  sample();
  setInterval(async () => {
    if (document.hidden) return;
    await refresh();
    sample();
  }, 2000);
}
