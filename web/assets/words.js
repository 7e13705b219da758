// What the page says, in the words of words.go, for what changes while it is
// open: whoever changes one changes the other.

let skew = 0; // of this browser's clock, behind the server's
export const setClock = now => { skew = Date.parse(now) - Date.now(); };
export const now = () => Date.now() + skew;

const two = n => String(n).padStart(2, '0');
export function clock(t) {
  const d = new Date(t);
  return [d.getHours(), d.getMinutes(), d.getSeconds()].map(two).join(':');
}
export const plural = (n, noun) => `${n} ${noun}${n === 1 ? '' : 's'}`;

export function ago(t) {
  const s = Math.floor((now() - Date.parse(t)) / 1000);
  if (s < 1) return 'just now';
  if (s < 60) return `${s} s ago`;
  if (s < 3600) return `${Math.floor(s / 60)} min ago`;
  return s < 86400 ? `${Math.floor(s / 3600)} h ago` : `${Math.floor(s / 86400)} d ago`;
}

export function left(t) {
  const s = Math.floor((Date.parse(t) - now()) / 1000);
  if (s < 0) return 'due';
  if (s < 180) return `${s} s`;
  return s < 10800 ? `${Math.floor(s / 60)} min` : `${Math.floor(s / 3600)} h`;
}

// uriParts splits a URI into the first label, which tells routes apart, the rest
// of the host, and the path.
export function uriParts(uri) {
  const slash = uri.indexOf('/'), host = slash < 0 ? uri : uri.slice(0, slash), path = slash < 0 ? '' : uri.slice(slash);
  const dot = host.indexOf('.', host.startsWith('*.') ? 2 : 0);
  if (dot < 0 || /^([\d.]+|\[.*\])$/.test(host)) return [host, '', path];
  return [host.slice(0, dot), host.slice(dot), path];
}

export function label(addr) {
  const colon = addr.lastIndexOf(':');
  return /^(localhost|127\.[\d.]+|\[?::1\]?)$/.test(addr.slice(0, colon)) ? addr.slice(colon) : addr;
}

export function about(i) {
  return [i.addr, i.index && `instance ${i.index}`, i.id && `id ${i.id}`, i.zone && `zone ${i.zone}`, i.source && `from ${i.source}`,
    i.error && `down: ${i.error}`, ...Object.entries(i.tags || {}).map(([name, value]) => `${name}=${value}`)].filter(Boolean).join(', ');
}

// whys says what is wrong with instances: a line for all that are down for the same
// reason.
export function whys(all) {
  const alike = new Map();
  for (const i of all.filter(i => i.health === 'down')) {
    const why = i.health_why || i.error || 'failed';
    if (!alike.has(why)) alike.set(why, []);
    alike.get(why).push(i);
  }
  return [...alike].map(([why, down]) => {
    const since = down.map(i => i.health_since).filter(Boolean).sort((a, b) => Date.parse(a) - Date.parse(b))[0];
    return (down.length > 1 ? `${down.length} of ${all.length} down: ${why}` : `${label(down[0].addr)} ${why}`) + (since ? `, since ${clock(since)}` : '');
  });
}

export const isWebLink = url => /^(https?:\/\/|\/(?!\/))/.test(url || '');

// pinLink is where a browser goes to be served by one instance from then on.
export function pinLink(path, route, i) {
  const [, origin, to] = /^(https?:\/\/[^/]+)\/?(.*)$/.exec(route.url || '') || [];
  if (!path || !origin || route.instances.length < 2) return '';
  return origin + path + encodeURIComponent(i.addr).replaceAll('%3A', ':') + (to && `?to=${inQuery(`/${to}`)}`);
}

const percent = c => `%${c.charCodeAt(0).toString(16).toUpperCase()}`;
const inQuery = text => encodeURIComponent(text).replace(/[!'()*]/g, percent).replaceAll('%20', '+');
export const detail = uri => `/route?uri=${inQuery(uri)}`;
