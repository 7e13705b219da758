// The request log: it fills, filters and replays.
import assert from 'node:assert/strict';
import { test, until, withhold } from './lib/scene.js';

const shop = (request, response) => {
  let body = '';
  request.on('data', data => { body += data; }).on('end', () => {
    response.statusCode = request.url.startsWith('/missing') ? 404 : 200;
    response.setHeader('Content-Type', 'application/json');
    response.end(JSON.stringify({ method: request.method, url: request.url, color: request.headers['x-color'], known: request.headers.authorization === 'Bearer topsecret', body }));
  });
};

const rows = page => page.locator('.requests tbody tr');
const row = (page, text) => rows(page).filter({ hasText: text });

test('the request log fills and filters', async scene => {
  const app = await scene.app(shop);
  const router = await scene.router(`apps:\n  shop: ${app.port}\n  down: 3998\n`);
  const page = await scene.live(`${router.admin}/requests`);
  await page.getByText('No request has come yet').waitFor();
  await router.ask('shop.localhost', '/cart');
  await row(page, 'GET shop.localhost').filter({ hasText: '/cart' }).filter({ hasText: '200' }).waitFor();
  // They are listed as they end, which is a moment after their replies have come.
  await router.ask('shop.localhost', '/missing');
  await row(page, '/missing').waitFor();
  await router.ask('down.localhost', '/');
  await row(page, 'down.localhost').waitFor();
  await router.ask('shop.localhost', '/order', { method: 'POST', body: 'x' });
  await row(page, '/order').waitFor();
  assert.equal(await rows(page).count(), 4);
  assert.match(await rows(page).first().innerText(), /POST/);
  await row(page, 'down.localhost').getByText('connection refused').waitFor();

  const shows = (what, n) => until(`${n} are ${what}`, async () => await rows(page).count() === n);
  await page.getByLabel('Status').selectOption('errors');
  await shows('errors', 2);
  await page.getByLabel('Status').selectOption('4xx');
  await shows('4xx', 1);
  await page.getByLabel('Status').selectOption('any status');
  await page.getByLabel('Method').selectOption('POST');
  await shows('POST', 1);
  await page.getByLabel('Method').selectOption('any method');
  await page.getByLabel('Host').fill('down.localhost');
  await shows('to down', 1);
  await page.getByLabel('Host').fill('');
  await page.keyboard.press('Escape');
  await page.keyboard.press('/');
  await page.keyboard.type('cart');
  await shows('of the cart', 1);
  await router.ask('shop.localhost', '/cart/2');
  await shows('of the cart', 2);
  await page.reload();
  await shows('of the cart, after a reload', 2);
});

test('a request is paused, opened by the keyboard, replayed, edited, and copied', async scene => {
  const app = await scene.app(shop);
  const router = await scene.router(`apps:\n  shop: ${app.port}\n`);
  const page = await scene.live(`${router.admin}/requests`, { permissions: ['clipboard-read', 'clipboard-write'] });
  await router.ask('shop.localhost', '/order?n=1', { method: 'POST', body: 'two lamps', headers: { 'X-Color': 'red', Authorization: 'Bearer topsecret', 'Content-Type': 'text/plain' } });
  await row(page, '/order').waitFor();

  await page.keyboard.press('p');
  await router.ask('shop.localhost', '/late');
  await page.getByRole('button', { name: 'Go on' }).click();
  await row(page, '/late').waitFor();

  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('o');
  await page.getByRole('heading', { level: 1, name: 'POST shop.localhost' }).waitFor();
  await page.locator('#heads').getByText('two lamps', { exact: true }).waitFor();
  await page.getByRole('img', { name: 'where the time went' }).waitFor();
  for (const part of ['router', 'wait']) await page.locator('.legend').getByText(part).waitFor();
  assert.equal(await page.getByText('topsecret').count(), 0, 'a secret is shown');
  await page.getByRole('button', { name: 'Show secrets' }).click();
  await page.locator('#heads').getByText('Bearer topsecret').waitFor();
  await page.getByRole('button', { name: 'Copy as curl' }).click();
  await until('curl is copied', async () => /^curl -i -X 'POST' .*two lamps/.test(await page.evaluate(() => navigator.clipboard.readText())));

  const first = page.url();
  await page.keyboard.press('r');
  await page.getByText(/a replay of \d+/).waitFor();
  assert.notEqual(page.url(), first);
  await page.locator('#heads').getByText('"known": true').waitFor();

  await page.locator('#connection[data-state=live]').waitFor();
  await page.keyboard.press('e');
  await page.getByLabel('Path and query').fill('/order?n=9');
  await page.getByLabel('Headers, one a line').fill((await page.getByLabel('Headers, one a line').inputValue()).replace('red', 'blue'));
  await page.locator('[name=body]').fill('nine lamps');
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByRole('heading', { level: 1, name: 'n=9' }).waitFor();
  for (const text of ['"url": "/order?n=9"', '"color": "blue"', '"known": true', '"body": "nine lamps"']) {
    await page.locator('#heads').getByText(text).waitFor();
  }
  const har = await router.api('/api/requests.har');
  assert.equal(har.log.entries.length, 4);
});

test('a route says where a URL goes, and how to ask one instance', async scene => {
  const app = await scene.app(shop);
  const router = await scene.router(`apps:\n  shop:\n    routes: [shop.localhost, shop.localhost/api]\n    instances: [${app.port}, 3998]\n`);
  await router.ask('shop.localhost', '/api/x');
  const page = await scene.live(router.admin, { permissions: ['clipboard-read', 'clipboard-write'] });
  for (const key of ['j', 'j', 'd']) await page.keyboard.press(key);
  await page.getByRole('heading', { level: 1, name: 'shop.localhost/api' }).waitFor();
  await page.getByRole('table', { name: 'Requests' }).getByText('/api/x').waitFor();
  await page.locator('#connection[data-state=live]').waitFor(); // now heads are kept
  await router.ask('shop.localhost', '/api/y');
  await page.getByRole('table', { name: 'Requests' }).getByText('/api/y').waitFor();

  await page.getByLabel('URL', { exact: true }).fill('http://shop.localhost/other');
  await page.getByRole('button', { name: 'Ask the table' }).click();
  await page.getByText('the route shop.localhost sends it to').waitFor();
  await page.getByRole('table', { name: 'Instances' }).getByRole('button', { name: 'Copy' }).first().click();
  await until('a command is copied', async () => /X-CF-App-Instance: .*:0' 'http:/.test(await page.evaluate(() => navigator.clipboard.readText())));
  await page.getByRole('link', { name: 'Replay here' }).first().click();
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByText(/a replay of \d+/).waitFor();
  await page.locator('.summary').getByText(`:${app.port}`).waitFor();
  await page.goto(`${router.admin}/route?uri=shop.localhost`);
  await page.locator('summary').first().click();
  await page.getByText('"private_instance_index": "0"').waitFor();
});

test('a button is there once it does something', async scene => {
  const app = await scene.app(shop);
  const router = await scene.router(`apps:\n  shop: ${app.port}\n`);
  const page = await scene.page('about:blank', { permissions: ['clipboard-read', 'clipboard-write'] });
  const arrive = await withhold(page, '**/route.js');
  await page.goto(`${router.admin}/route?uri=shop.localhost`, { waitUntil: 'commit' });
  const button = page.getByRole('table', { name: 'Instances' }).locator('[data-pin]');
  await button.waitFor({ state: 'attached' });
  assert.equal(await button.isVisible(), false, 'a button that does nothing');
  arrive();
  await button.click();
  await until('a command is copied', async () => /X-CF-App-Instance/.test(await page.evaluate(() => navigator.clipboard.readText())));
});

test('the figures of the process move', async scene => {
  const app = await scene.app(shop);
  const router = await scene.router(`apps:\n  shop: ${app.port}\n`);
  const page = await scene.live(`${router.admin}/status`);
  await page.getByText('0 requests', { exact: true }).waitFor();
  await router.ask('shop.localhost');
  await page.getByText('1 request', { exact: true }).waitFor();
  await page.getByText('embedded, connected').waitFor();
});

test('a stream is listed while it runs, and its line says when it has ended', async scene => {
  let leave;
  const app = await scene.app((_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: 1\n\n');
    leave = () => response.end();
  });
  const router = await scene.router(`apps:\n  shop: ${app.port}\n`);
  const page = await scene.live(`${router.admin}/requests`);
  const asked = router.ask('shop.localhost', '/updates');
  const row = page.getByRole('row', { name: '/updates' });
  await row.getByText('open', { exact: true }).waitFor();
  leave();
  await asked;
  await row.getByText('open', { exact: true }).waitFor({ state: 'detached' });
  assert.equal(await row.count(), 1);
  await row.getByText('9 B').waitFor();
});
