'use strict';

// Whether the route has come up is asked of the router, which does not ask the app:
// what led here is not sent again before it can succeed, and a form never is.
const waits = document.body.dataset.waits;
let looks = 0;

async function look() {
  if (!document.hidden) {
    looks++;
    try {
      const reply = await fetch(location.pathname, {
        headers: { Accept: 'application/vnd.devrouter.waiting+json' }, cache: 'no-store', redirect: 'error', signal: AbortSignal.timeout(5000),
      });
      if (reply.ok && (await reply.json()).ready === true) {
        ready();
        return;
      }
    } catch { /* the router itself is away: it may come back */ }
  }
  setTimeout(look, looks < 120 ? 1000 : 3000);
}

function ready() {
  if (waits === 'reload') {
    location.reload();
    return;
  }
  const line = document.querySelector('.waits');
  line.classList.add('over');
  line.querySelector('span').textContent = 'The app is up again: go back and send the form once more.';
}

if (waits) setTimeout(look, 1000);

for (const time of document.querySelectorAll('time')) {
  time.title = new Date(time.dateTime).toLocaleString();
}

const copy = document.querySelector('[data-copy]');
if (copy && navigator.clipboard) {
  copy.hidden = false;
  copy.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(copy.dataset.copy + '\n');
      copy.textContent = 'Copied';
    } catch {
      copy.hidden = true;
    }
  });
}
