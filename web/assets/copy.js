// What can be copied of a route, and the note that it was.
import { $ } from './dom.js';

let hush = 0;
export function toast(text) {
  $('said').textContent = text;
  clearTimeout(hush);
  hush = setTimeout(() => { $('said').textContent = ''; }, 2500);
}

export async function copy(text, what = text) {
  try {
    await navigator.clipboard.writeText(text);
    toast(`copied ${what}`);
  } catch {
    toast(`this browser keeps its clipboard: ${text}`);
  }
}

// quoted is a word for a shell.
export const quoted = text => /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

export const urlOf = route => route.url || `http://${route.uri}`;
export const curlOf = route => `curl -i ${quoted(urlOf(route))}`;

// A string of JSON is one of YAML too; a plain word needs no quotes.
const yaml = text => /^[a-z][\w.-]*(\/[\w./-]*)?$/i.test(text) && !/^(y|n|yes|no|on|off|true|false|null)$/i.test(text) ? text : JSON.stringify(text);

// yamlOf is the route as routes.yaml would have it.
export function yamlOf(route) {
  const name = route.app || route.uri;
  const target = addr => /^(localhost|127\.0\.0\.1|\[::1\]):/.test(addr) ? addr.slice(addr.lastIndexOf(':') + 1) : JSON.stringify(addr);
  const lines = ['apps:', `  ${yaml(name)}:`, `    routes: [${yaml(route.uri)}]`, `    instances: [${route.instances.map(i => target(i.addr)).join(', ')}]`];
  if (route.load_balancing && route.load_balancing !== 'round-robin') lines.push(`    loadbalancing: ${route.load_balancing}`);
  return lines.join('\n') + '\n';
}
