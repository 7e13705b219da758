// Small makers of nodes. All names are strangers' text: they become text nodes
// and attributes, never HTML.

export const $ = id => document.getElementById(id);

export function make(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== undefined) node.setAttribute(key, value);
  node.append(...children.filter(child => child !== '' && child !== undefined && child !== null));
  return node;
}

const still = matchMedia('(prefers-reduced-motion: reduce)');

// flash marks what has changed, once. Where all changes nothing stands out, and a
// browser has its hands full with so many.
const duration = 1600, most = 12;
let flashing = 0;
export function flash(node) {
  if (still.matches || flashing >= most) return;
  flashing++;
  setTimeout(() => flashing--, duration);
  node.animate({ backgroundColor: ['var(--flash)', 'transparent'] }, { duration, easing: 'ease-out' });
}

// morph makes old equal to fresh by changing only what differs, so that what a
// person has selected, opened or focused stays. It returns how many rows are new.
export function morph(old, fresh) {
  if (old.isEqualNode(fresh)) return 0;
  if (old.nodeName !== fresh.nodeName) {
    old.replaceWith(document.importNode(fresh, true));
    return 0;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    old.data = fresh.data;
    return 0;
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && name !== 'open') old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  return morphChildren(old, fresh);
}

const keyOf = node => node.dataset?.key;

function morphChildren(old, fresh) {
  const keyed = new Map([...old.children].filter(keyOf).map(child => [keyOf(child), child]));
  let at = old.firstChild, rows = 0;
  for (const child of fresh.childNodes) {
    const key = keyOf(child);
    const same = key ? keyed.get(key) : at && !keyOf(at) && at.nodeName === child.nodeName ? at : null;
    if (!same) {
      const added = document.importNode(child, true);
      old.insertBefore(added, at);
      if (key) rows++;
      if (key && keyed.size > 0) flash(added);
      continue;
    }
    if (same === at) at = at.nextSibling; else old.insertBefore(same, at);
    rows += morph(same, child);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
  return rows;
}
