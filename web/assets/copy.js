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

// ask returns a route as it is now.
export async function ask(uri) {
  const reply = await fetch(`/api/routes/${uri.split('/').map(encodeURIComponent).join('/')}`);
  return reply.json();
}

// quoted is a word for a shell.
export const quoted = text => /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;

export const urlOf = route => route.url || `http://${route.uri}`;
export const curlOf = route => `curl -i ${quoted(urlOf(route))}`;

// A string of JSON is one of YAML too, but for what YAML takes for the end of a line
// or refuses; a plain word needs no quotes.
const odd = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;
const escaped = c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
const yaml = text => /^[a-z][\w.-]*(\/[\w./-]*)?$/i.test(text) && !/^(y|n|yes|no|on|off|true|false|null)$/i.test(text)
  ? text : JSON.stringify(text).replace(odd, escaped);
const sayable = text => text && text.length <= 512 && !/[\u0000-\u001f\u007f]/.test(text); // the file takes no others
const inline = pairs => `{${pairs.filter(([, value]) => value).map(([key, value]) => `${key}: ${value}`).join(', ')}}`;

function yamlTarget(i) {
  const colon = i.addr.lastIndexOf(':'), port = i.addr.slice(colon + 1), host = i.addr.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  if (i.tls || i.zone) {
    return inline([['host', host !== 'localhost' && yaml(host)], [i.tls ? 'tls_port' : 'port', port],
      ['server_cert_domain_san', sayable(i.server_cert_domain_san) && yaml(i.server_cert_domain_san)], ['availability_zone', sayable(i.zone) && yaml(i.zone)]]);
  }
  return host === 'localhost' ? port : JSON.stringify(i.addr);
}

// yamlOf is the route as routes.yaml would have it. What the file says of an app
// as a whole is that of its first instance. An app whose name is a route by itself
// would get that one too.
export function yamlOf(route) {
  const name = sayable(route.app) && !/[.*]/.test(route.app) ? route.app : route.uri;
  const [first = {}] = route.instances;
  const tags = Object.entries(first.tags || {}).filter(([key, value]) => sayable(key) && sayable(value) && !(key === 'component' && value === name)).slice(0, 32);
  const secure = route.instances.every(i => i.tls), plain = !route.instances.some(i => i.tls);
  const settings = [
    ['routes', `[${yaml(route.uri)}]`],
    ['instances', `[${route.instances.map(yamlTarget).join(', ')}]`],
    ['protocol', { http2: secure && 'http2', h2c: plain && 'h2c' }[first.protocol]],
    ['loadbalancing', route.own_balancing && route.load_balancing],
    ['hash_header', route.hash_header && yaml(route.hash_header)],
    ['hash_balance', route.hash_balance],
    ['sticky', route.sticky_cookies && `[${route.sticky_cookies.map(yaml).join(', ')}]`],
    ['tags', tags.length && inline(tags.map(pair => pair.map(yaml)))],
    ['route_service_url', route.route_service_url && yaml(route.route_service_url)],
    ['health', first.health_path && yaml(first.health_path)],
    ['open', route.open],
  ];
  return `apps:\n  ${yaml(name)}:\n${settings.filter(([, value]) => value).map(([key, value]) => `    ${key}: ${value}\n`).join('')}`;
}
