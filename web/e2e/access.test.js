// axe looks at every view, in light and in dark; none is wider than its screen.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { publish } from './lib/nats.js';
import { test, until } from './lib/scene.js';

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const views = ['/', '/?q=nothing', '/route?uri=shop.localhost&url=http://shop.localhost/x', '/route?uri=gone', '/explain?url=nothing',
  '/requests', '/requests?q=nothing', '/requests/1', '/requests/5', '/file', '/events', '/status', '/help'];

async function look(page, view) {
  await page.addScriptTag({ path: axe });
  const { violations } = await page.evaluate(() => window.axe.run({ resultTypes: ['violations'] }));
  return violations.map(v => `${view}: ${v.id}: ${v.nodes.map(n => `${n.target} ${n.failureSummary}`).join('; ')}`);
}

for (const colorScheme of ['light', 'dark']) {
  test(`axe finds nothing in any view, ${colorScheme}`, async scene => {
    const app = await scene.app();
    const router = await scene.router(`apps:\n  web: ${app.port}\n  shop: {instances: [${app.port}, 3999], sticky: [JSESSIONID]}\n  down: 3998\n`);
    const page = await scene.live(router.admin, { colorScheme, bypassCSP: true, reducedMotion: 'reduce' });
    await publish(router.nats, 'router.register', { host: '127.0.0.1', port: 3997, uris: ['bus.localhost', '*.bus.localhost'], app: 'bus' });
    for (const host of ['web', 'shop', 'down', 'nothing']) await router.ask(`${host}.localhost`);
    await page.goto(`${router.admin}/requests`);
    await page.locator('#connection[data-state=live]').waitFor(); // now heads are kept
    await router.ask('shop.localhost', '/x', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{"n":1}' });
    await page.getByRole('row', { name: '/x' }).waitFor();
    await router.edit(yaml => `${yaml}  bad: [x]\n`);
    await until('the bad edit is read', async () => (await router.api('/api/state')).file.status === 'rejected');
    scene.expected = /404 \(Not Found\)/; // of the route that is gone
    const found = [];
    for (const view of views) {
      await page.goto(router.admin + view);
      await page.locator('#connection[data-state=live]').waitFor();
      for (const width of [390, 800, 1280]) {
        await page.setViewportSize({ width, height: 800 });
        const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        if (wide > 0) found.push(`${view} at ${width}: ${wide} pixels too wide`);
        if (width === (colorScheme === 'light' ? 1280 : 390)) found.push(...await look(page, view));
      }
    }
    assert.deepEqual(found, []);
  });
}
