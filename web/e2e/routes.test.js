// The table of routes, by hand and by eye.
import assert from 'node:assert/strict';
import { get } from 'node:http';
import { publish } from './lib/nats.js';
import { test, until, withhold } from './lib/scene.js';

const yaml = 'apps:\n  alpha: 3901\n  beta: 3902\n  gamma:\n    routes: [gamma.localhost/api]\n    port: 3903\n';
const shows = (page, ...routes) => until(`the table shows ${routes}`, async () => {
  const uris = await page.locator('#table tbody tr:visible .uri').allInnerTexts().catch(() => []); // it may be loading
  return uris.join() === routes.join();
});
// A request is in the log once its reply has gone, which may be after it has come.
const logged = (router, path) => until(`${path} is in the log`, async () =>
  (await router.api('/api/requests')).requests.some(request => request.target === path));

test('an instance that goes down turns red and says why', async scene => {
  const app = await scene.app();
  const router = await scene.router(`apps:\n  web: ${app.port}\n`);
  const page = await scene.live(router.admin);
  const chip = page.locator('.chip', { hasText: `:${app.port}` });
  assert.equal(await router.ask('web.localhost'), 200);
  await app.down();
  assert.equal(await router.ask('web.localhost'), 502);
  await page.locator('.chip.down', { hasText: `:${app.port}` }).waitFor();
  await page.getByText(/connection refused, since \d\d:\d\d:\d\d/).waitFor();
  await page.getByRole('link', { name: 'Routes 1 down' }).waitFor();
  const [red, green, blue] = (await chip.evaluate(node => getComputedStyle(node).color)).match(/\d+/g).map(Number);
  assert.ok(red > 2 * green && red > 2 * blue, 'the chip is not red');
});

test('search, order and the keyboard alone', async scene => {
  const router = await scene.router(yaml);
  const page = await scene.live(router.admin, { permissions: ['clipboard-read', 'clipboard-write'] });
  const keys = async (...names) => { for (const name of names) await page.keyboard.press(name); };
  const clipboard = () => page.evaluate(() => navigator.clipboard.readText());

  await keys('/');
  await page.keyboard.type('gam');
  await shows(page, 'gamma.localhost/api');
  assert.match(page.url(), /\?q=gam$/);
  await keys('Escape');
  await shows(page, 'alpha.localhost', 'beta.localhost', 'gamma.localhost/api');

  await keys('j', 'j');
  const focused = () => page.evaluate(() => document.activeElement.closest('tr').dataset.uri);
  assert.equal(await focused(), 'beta.localhost');
  await keys('k', 'k', 'k');
  assert.equal(await focused(), 'alpha.localhost');
  await keys('c');
  await until('the URL is copied', async () => await clipboard() === router.url('alpha.localhost'));
  await keys('u');
  await until('curl is copied', async () => await clipboard() === `curl -i ${router.url('alpha.localhost')}`);
  await keys('y');
  await until('YAML is copied', async () => await clipboard() === 'apps:\n  alpha:\n    routes: [alpha.localhost]\n    instances: [3901]\n');
  const opened = page.waitForEvent('popup');
  await keys('o');
  assert.equal(new URL((await (await opened).evaluate(() => location.href))).hostname, 'alpha.localhost');

  await page.bringToFront();
  await keys('?');
  await page.getByRole('dialog', { name: 'Keyboard' }).waitFor();
  await keys('Escape');
  await page.getByRole('dialog').waitFor({ state: 'detached' });

  await page.getByRole('link', { name: 'Route', exact: true }).click();
  await shows(page, 'gamma.localhost/api', 'beta.localhost', 'alpha.localhost');
  await page.reload();
  await shows(page, 'gamma.localhost/api', 'beta.localhost', 'alpha.localhost');
});

test('a route named <script> is text', async scene => {
  const router = await scene.router();
  const page = await scene.live(router.admin);
  const evil = '<script>window.pwned=1</script>', image = '"><img src=x onerror=window.pwned=1>';
  await publish(router.nats, 'router.register', { host: '127.0.0.1', port: 3999, uris: ['evil.localhost'], app: evil, tags: { [image]: evil }, private_instance_id: image });
  await publish(router.nats, 'router.register', { host: '127.0.0.1', port: 3999, uris: ['<script>alert(1)</script>.localhost'], app: evil });
  await page.getByRole('rowheader', { name: evil }).waitFor();
  await page.goto(`${router.admin}/events`);
  await page.getByText('<script>alert(1)</script>').first().waitFor();
  assert.equal(await page.evaluate(() => window.pwned), undefined);
  assert.equal(await page.locator('script:not([src]), img[src=x]').count(), 0);
});

test('the script draws the rows that the server renders', async scene => {
  const app = await scene.app((request, response) => { response.statusCode = request.url === '/broken' ? 500 : 200; response.end('x'); });
  const router = await scene.router(`apps:\n  web: ${app.port}\n  long-name:\n    routes: [long-name.example.localhost/path, other.localhost, "*.wild.localhost"]\n    instances: [${app.port}, 3998, 3996, "127.0.0.2:${app.port}"]\n    sticky: [JSESSIONID]\n    loadbalancing: least-connection\n`);
  await publish(router.nats, 'router.register', { host: '127.0.0.1', port: 3999, tls_port: 3997, server_cert_domain_san: 'x', uris: ['tls.localhost', '127.0.0.1', 'localhost'], app: 'tls', tags: { b: '2', a: '1' } });
  await publish(router.nats, 'router.register', { host: '10.0.0.1', port: 80, uris: ['<b>.localhost'], app: '"&', private_instance_index: '4', availability_zone: 'z1' });
  for (const path of ['/', '/broken', '/']) await router.ask('web.localhost', path);
  const page = await scene.live(router.admin);
  await until('the rows are the same', () => page.evaluate(async () => {
    const server = new DOMParser().parseFromString(await (await fetch('/')).text(), 'text/html');
    document.querySelector('.actions')?.remove();
    const rows = doc => [...doc.querySelectorAll('#table tbody tr')].map(row => {
      const copy = row.cloneNode(true);
      for (const time of copy.querySelectorAll('time')) time.textContent = '';
      copy.normalize();
      return copy.outerHTML.replace(/\s+/g, ' ').replace(/> | </g, tag => tag.trim());
    });
    window.differ = rows(document).flatMap((row, i) => row === rows(server)[i] ? [] : [`${row}\n  not\n${rows(server)[i]}`]);
    return rows(document).length > 6 && rows(server).length === rows(document).length && window.differ.length === 0;
  })).catch(async error => { throw new Error(`${error.message}:\n${await page.evaluate(() => window.differ.join('\n'))}`); });
});

test('what changes flashes once, unless motion is to be reduced', async scene => {
  const router = await scene.router(yaml);
  const page = await scene.live(router.admin);
  const calm = await scene.live(router.admin, { reducedMotion: 'reduce' });
  for (const each of [page, calm]) {
    await each.evaluate(() => {
      window.flashes = 0;
      const animate = Element.prototype.animate;
      Element.prototype.animate = function (...args) { window.flashes++; return animate.apply(this, args); };
    });
  }
  await router.edit(text => text.replace('3902', '3904'));
  for (const each of [page, calm]) await each.getByText(':3904', { exact: true }).waitFor();
  await until('the row flashes', () => page.evaluate(() => window.flashes > 0));
  assert.equal(await calm.evaluate(() => window.flashes), 0);
});

// unfed opens the table before there is a stream, and returns what lets the stream come.
async function unfed(scene, url, options) {
  const page = await scene.page('about:blank', options);
  const feed = await withhold(page, '**/api/events*');
  await page.goto(url);
  await page.locator('html[data-script=started]').waitFor();
  return { page, feed };
}

test('a click lands that began before the table was drawn anew', async scene => {
  const app = await scene.app();
  const router = await scene.router(`apps:\n  web: [${app.port}, 3901]\n`);
  const { page, feed } = await unfed(scene, router.admin);
  const lands = async change => {
    await page.locator('a.chip', { hasText: `:${app.port}` }).hover();
    await page.mouse.down();
    await change();
    const popup = page.waitForEvent('popup');
    await page.mouse.up();
    await (await popup).getByText('hello from the app').waitFor();
  };
  await lands(async () => {
    feed();
    await page.locator('#connection[data-state=live]').waitFor();
  });
  await lands(async () => {
    await router.edit(text => text.replace(']', ', 3902]'));
    await page.locator('.chip', { hasText: ':3902' }).waitFor();
  });
});

test('the table works before its stream has come', async scene => {
  const router = await scene.router(yaml);
  const { page, feed } = await unfed(scene, router.admin, { permissions: ['clipboard-read', 'clipboard-write'] });
  await page.keyboard.press('j');
  await page.keyboard.press('c');
  await until('the URL is copied', async () => await page.evaluate(() => navigator.clipboard.readText()) === router.url('alpha.localhost'));
  await page.keyboard.press('/');
  await page.keyboard.type('gam');
  await shows(page, 'alpha.localhost', 'beta.localhost', 'gamma.localhost/api');
  feed();
  await shows(page, 'gamma.localhost/api');
});

test('a page that has lost its router says so, and catches up', async scene => {
  const router = await scene.router(yaml), door = await scene.door(router.admin);
  const page = await scene.live(door.url);
  scene.expected = /net::ERR_/; // in whatever words it says that nobody answers
  door.to = null; // the port may be another router's before this one is back
  await router.end();
  await page.getByText(/not connected since/).waitFor();
  await router.edit(text => `${text}  delta: 3905\n`);
  await router.run([]);
  door.to = router.admin;
  await page.locator('#connection[data-state=live]').waitFor();
  await page.getByRole('link', { name: 'delta.localhost', exact: true }).waitFor();
});

test('a page that gets no stream says why, and goes live when there is one', async scene => {
  const router = await scene.router(yaml);
  const streams = [];
  for (let n = 0; n < 256; n++) {
    streams.push(await new Promise((resolve, reject) => get(`${router.admin}/api/events`, resolve).on('error', reject)));
  }
  scene.expected = /503/;
  const page = await scene.page(router.admin);
  await page.getByText('not live: 256 streams are open, which is the most; close a tab of this page').waitFor();
  for (const stream of streams) stream.destroy();
  await page.locator('#connection[data-state=live]').waitFor();
});

test('all of it without JavaScript', async scene => {
  const app = await scene.app(), text = yaml.replace('3903', app.port);
  const router = await scene.router(text);
  await router.save(`${text}  broken: x y\n`);
  await until('the bad edit is read', async () => (await router.api('/api/state')).file.status === 'rejected');
  await router.ask('beta.localhost', '/lamps');
  await router.ask('nothing.localhost', '/nowhere');
  for (const path of ['/lamps', '/nowhere']) await logged(router, path);
  const page = await scene.page(router.admin, { javaScriptEnabled: false });
  const all = ['alpha.localhost', 'beta.localhost', 'gamma.localhost/api'];
  const view = name => page.getByRole('navigation', { name: 'Views' }).getByRole('link', { name }).click();
  await shows(page, ...all);
  await page.getByText(/routes.yaml:7:\d+/).first().waitFor();
  await page.getByRole('link', { name: 'Route', exact: true }).click();
  await shows(page, ...all.toReversed());
  await page.getByLabel('Search routes').fill('gamma');
  await page.keyboard.press('Enter');
  await shows(page, 'gamma.localhost/api');

  await page.getByRole('link', { name: 'Details of gamma.localhost/api' }).click();
  await page.getByLabel('URL', { exact: true }).fill('http://gamma.localhost/other');
  await page.getByRole('button', { name: 'Ask the table' }).click();
  await page.getByText('unknown_route').waitFor();

  await view('Requests');
  await page.getByLabel('Status').selectOption('5xx');
  await page.getByRole('button', { name: 'Filter' }).click();
  await page.waitForURL(/status=5xx/);
  await page.getByRole('link', { name: 'beta.localhost' }).click();
  await page.getByRole('heading', { level: 1, name: '/lamps' }).waitFor();
  await page.getByText('connection refused').first().waitFor();

  await view('Requests');
  await page.waitForURL(/requests$/);
  await router.ask('gamma.localhost', '/api/lamps?n=1', { method: 'POST', body: 'two\r\nlamps', headers: { Authorization: 'Bearer topsecret' } });
  await logged(router, '/api/lamps?n=1');
  await view('Requests');
  await page.getByRole('link', { name: '/lamps?n=1' }).click();
  await page.getByRole('button', { name: 'Show secrets' }).waitFor();
  assert.equal(await page.getByText('topsecret').count(), 0, 'a secret is shown');
  await page.getByRole('button', { name: 'Show secrets' }).click();
  await page.getByRole('cell', { name: 'Bearer topsecret' }).waitFor();
  await page.getByRole('link', { name: 'Hide secrets' }).click();
  await page.getByRole('button', { name: 'Replay', exact: true }).click();
  await page.getByText(/a replay of \d+/).waitFor();
  const sent = async () => (await router.api(`/api/requests/${new URL(page.url()).pathname.split('/').at(-1)}`)).sent;
  assert.equal((await sent()).body.text, 'two\r\nlamps');
  await page.getByRole('link', { name: 'Edit and replay' }).click();
  await page.getByLabel('Path and query').fill('no path');
  scene.expected = /409 \(Conflict\)/;
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByRole('alert').getByText('"no path" is no path').waitFor();
  await page.getByLabel('Path and query').fill('/api/lamps?n=2');
  await page.locator('[name=body]').fill('three');
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByRole('heading', { level: 1, name: 'n=2' }).waitFor();
  const { headers, body } = await sent();
  assert.equal(body.text, 'three');
  assert.ok(headers.some(h => h.name === 'Authorization'), 'what was masked is not sent');

  for (const [name, text] of [['File', 'broken: x y'], ['Events', /\+ alpha.localhost :3901/], ['Status', /3 to 3 endpoints/]]) {
    await view(name);
    await page.getByRole('heading', { name, level: 1 }).waitFor();
    await page.getByText(text).first().waitFor();
  }
});
