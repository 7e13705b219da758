// The figures and plots, asked for every two seconds.
import { $ } from './dom.js';
import { refresh } from './live.js';

export function start() {
  if ($('process')) setInterval(() => { if (!document.hidden) refresh(); }, 2000);
}
