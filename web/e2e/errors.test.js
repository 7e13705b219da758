// The pages that the router answers with where no app does.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test, until } from './lib/scene.js';

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
/** explained opens what is an error on purpose: the browser may say so, and nothing else. */
function explained(scene, url, options) {
  scene.expected = /the server responded with a status of (404|502)/;
  return scene.page(url, options);
}

test('the page of an app that is down loads it once it is up', async scene => {
  const asked = [];
  const app = await scene.app((request, response) => { asked.push(`${request.method} ${request.url}`); response.end('hello from the app\n'); });
  const router = await scene.router(`apps:\n  web: ${app.port}\n`);
  await app.down();
  const page = await explained(scene, router.url('web.localhost', '/cart?id=1'));
  await page.getByRole('heading', { name: 'web.localhost is not answering' }).waitFor();
  await page.getByText('connection refused', { exact: true }).waitFor();
  await page.getByText('correct its port in routes.yaml:2').waitFor();
  await app.up();
  await page.getByText('hello from the app').waitFor();
  assert.equal(new URL(page.url()).search, '?id=1');
  assert.deepEqual(asked.filter(line => !line.includes('favicon')), ['GET /cart?id=1']);
});

test('the page of an unknown host loads the app once the line is pasted', async scene => {
  const app = await scene.app();
  const router = await scene.router(`apps:\n  web: ${app.port}\n`);
  const page = await explained(scene, router.url('shop.localhost'), { permissions: ['clipboard-read', 'clipboard-write'] });
  await page.getByText(router.file).waitFor();
  await page.getByRole('button', { name: 'Copy the line' }).click();
  await page.getByRole('button', { name: 'Copied' }).waitFor();
  const line = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(line, '  shop: 3000\n');
  await router.edit(yaml => yaml + line.replace('3000', app.port));
  await page.getByText('hello from the app').waitFor();
});

test('a form is never sent again', async scene => {
  const asked = [];
  const app = await scene.app((request, response) => {
    asked.push(request.method);
    response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>x</title><form method="post"><button>Send</button></form>');
  });
  const router = await scene.router(`apps:\n  web: ${app.port}\n`);
  const page = await explained(scene, router.url('web.localhost'));
  await app.down();
  await page.getByRole('button', { name: 'Send' }).click();
  await page.getByText('Once the app is up, go back and send the form again.').waitFor();
  await app.up();
  await page.getByText('The app is up again: go back and send the form once more.').waitFor();
  assert.deepEqual(asked.filter(method => method === 'POST'), []);
});

test('without scripts the page reloads itself', async scene => {
  const app = await scene.app();
  const router = await scene.router(`apps:\n  web: ${app.port}\n`);
  await app.down();
  const page = await explained(scene, router.url('web.localhost'), { javaScriptEnabled: false });
  await page.getByRole('heading', { name: 'web.localhost is not answering' }).waitFor();
  await app.up();
  await page.getByText('hello from the app').waitFor();
});

for (const colorScheme of ['light', 'dark']) {
  test(`axe finds nothing in the router's error pages, ${colorScheme}`, async scene => {
    const long = 'a-name-that-is-as-long-as-a-label-may-be-and-would-widen-a-page';
    const router = await scene.router(`apps:\n  web: {instances: [3998, 3999]}\n  ${long}: 3997\n  "*.tenants.localhost": 3996\n`);
    await until('the apps are known to be down', async () =>
      (await router.api('/api/state')).routes.every(route => route.instances.every(i => i.health === 'down')));
    const found = [];
    for (const width of [1280, 390]) {
      for (const host of ['wbe', 'web', long, `${long}.x`]) {
        const page = await explained(scene, router.url(`${host}.localhost`, '/' + 'path'.repeat(40)), { colorScheme, bypassCSP: true, viewport: { width, height: 800 }, reducedMotion: 'reduce' });
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        if (wide > 0) found.push(`${host} at ${width}: ${wide} pixels too wide`);
        await page.addScriptTag({ path: axe });
        const { violations } = await page.evaluate(() => window.axe.run());
        for (const v of violations) found.push(`${host} at ${width}: ${v.id}: ${v.nodes.map(n => `${n.target} ${n.failureSummary}`).join('; ')}`);
        if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/${host.slice(0, 6)}${host.endsWith('.x') ? 'x' : ''}-${colorScheme}-${width}.png`, fullPage: true });
        await page.close();
      }
    }
    assert.deepEqual(found, []);
  });
}
