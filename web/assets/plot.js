// Small plots, as plot.go draws them.
import { now } from './words.js';

const steps = 60, height = 20;

// aligned returns the counts of the last intervals, the current one last.
function aligned(t) {
  const counts = new Array(steps).fill(0);
  if (!t?.counts?.length) return counts;
  const late = Math.max(0, Math.floor((now() - Date.parse(t.newest)) / 1000 / t.interval_s));
  t.counts.forEach((n, i) => {
    const at = steps - t.counts.length + i - late;
    if (at >= 0) counts[at] = n;
  });
  return counts;
}

export function sparkPath(t) {
  return areaPath(aligned(t));
}

// areaPath is the d of an area from the ground up, as high as the most.
function areaPath(values) {
  const most = Math.max(...values);
  if (!(most > 0)) return '';
  return `M0 ${height}${values.map((n, i) => `V${(height - n / most * (height - 1)).toFixed(1)}H${i + 1}`).join('')}V${height}Z`;
}

// rate is how many requests a second came in the last minute.
export function rate(t) {
  const intervals = 12;
  return aligned(t).slice(-intervals).reduce((sum, n) => sum + n, 0) / (intervals * (t?.interval_s || 1));
}

export function perSecond(r) {
  if (r === 0) return '';
  if (r < 0.1) return '<0.1/s';
  return r < 10 ? `${r.toFixed(1)}/s` : `${r.toFixed(0)}/s`;
}

export const millis = ms => ms < 10 ? ms.toFixed(1) : ms.toFixed(0);

const percent = share => share < 0.01 ? '<1%' : `${(share * 100).toFixed(0)}%`;
export function errorShare(t) {
  if (t?.errors_5xx > 0) return `${percent(t.errors_5xx)} 5xx`;
  return t?.errors_4xx > 0 ? `${percent(t.errors_4xx)} 4xx` : '';
}

// svg makes a plot whose path is set later.
export function svg(width = steps) {
  const make = (name, attributes) => {
    const node = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    return node;
  };
  const plot = make('svg', { class: 'spark', viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' });
  plot.append(make('path', {}));
  return plot;
}
