// Links that pin a browser to one instance of a route.
import assert from 'node:assert/strict';
import { test, until } from './lib/scene.js';

// names are who answers a tab: three instances take turns.
const names = async page => {
  const seen = new Set();
  for (let n = 0; n < 3; n++) {
    await page.reload();
    seen.add(await page.locator('h1').innerText());
  }
  return [...seen].sort().join(' ');
};
const opened = async (page, link) => {
  const popup = page.context().waitForEvent('page');
  await link.click();
  const other = await popup;
  await other.waitForLoadState();
  return other;
};

async function shop(scene) {
  const apps = [];
  for (const name of ['one', 'two', 'three']) {
    apps.push(await scene.app((request, response) => response.setHeader('Content-Type', 'text/html').end(`<!doctype html><link rel="icon" href="data:,"><h1>${name}</h1>`)));
  }
  const router = await scene.router(`apps:\n  shop:\n    routes: [shop.localhost/cart]\n    instances: [${apps.map(app => app.port).join(', ')}]\n`);
  return { apps, router };
}

for (const javaScriptEnabled of [true, false]) {
  test(`an instance is opened, stayed with and left ${javaScriptEnabled ? 'by a click' : 'without JavaScript'}`, async scene => {
    const { apps, router } = await shop(scene);
    const page = await scene.page(router.admin, { javaScriptEnabled });
    const tab = await opened(page, page.locator('a.chip', { hasText: `:${apps[1].port}` }));
    assert.equal(tab.url(), router.url('shop.localhost', '/cart'));
    assert.equal(await names(tab), 'two');

    await page.getByRole('link', { name: 'Details of shop.localhost/cart' }).click();
    const row = page.locator('#instances tr', { hasText: `:${apps[2].port}` });
    assert.equal(await names(await opened(page, row.getByRole('link', { name: 'Open this one' }))), 'three');
    assert.equal(await names(tab), 'three', 'one tab of a browser is pinned, another is not');

    await opened(page, page.getByRole('link', { name: 'Let the router choose' }));
    assert.equal(await names(tab), 'one three two');
  });
}

test('a pinned instance that fails says so, and one that is gone lets go', async scene => {
  scene.expected = /502 \(Bad Gateway\)/;
  const { apps, router } = await shop(scene);
  const page = await scene.live(router.admin);
  const tab = await opened(page, page.locator('a.chip', { hasText: `:${apps[1].port}` }));
  await apps[1].down();
  await tab.reload();
  await tab.getByText(/This browser is pinned to localhost:\d+, and no other instance is asked/).waitFor();
  await tab.getByRole('link', { name: 'Let the router choose' }).click();
  await tab.waitForURL(router.url('shop.localhost', '/cart'));
  assert.equal(await names(tab), 'one three');

  const again = await opened(page, page.locator('a.chip', { hasText: `:${apps[2].port}` }));
  assert.equal(await names(again), 'three');
  await router.edit(text => text.replace(`, ${apps[1].port}, ${apps[2].port}`, ''));
  await page.locator('.chip', { hasText: `:${apps[2].port}` }).waitFor({ state: 'detached' });
  assert.equal(await names(again), 'one');
  await until('the cookie is gone', async () => (await again.context().cookies()).length === 0);
});

test('no other site pins a browser without somebody going there', async scene => {
  const { apps, router } = await shop(scene);
  const pin = router.url('shop.localhost', `/.well-known/devrouter/pin/localhost:${apps[0].port}?to=/cart`);
  const evil = await scene.app((_, response) => response.setHeader('Content-Type', 'text/html')
    .end(`<!doctype html><link rel="icon" href="data:,"><img src="${pin}"><iframe src="${pin}"></iframe><script src="${pin}"></script><h1>evil</h1>`));
  scene.expected = /403|MIME|ORB|refused/;
  const page = await scene.page(`http://www.evil.test:${evil.port}/`);
  await page.waitForLoadState('load');
  assert.deepEqual(await page.context().cookies(), []);
});
