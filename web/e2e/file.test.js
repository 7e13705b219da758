// What an edit of routes.yaml does to the page that is open.
import assert from 'node:assert/strict';
import { test } from './lib/scene.js';

test('a saved edit shows without reload', async scene => {
  const router = await scene.router('apps:\n  web: 3901\n');
  const page = await scene.live(router.admin);
  await page.evaluate(() => { window.same = true; });
  await router.save('apps:\n  web: 3901\n  mail: 8925\n');
  await page.getByRole('link', { name: 'mail.localhost', exact: true }).waitFor();
  await page.getByText('routes.yaml:3').first().waitFor();
  assert.ok(await page.evaluate(() => window.same), 'the page was loaded again');
});

test('a bad edit shows its line, and clears when it is mended', async scene => {
  const good = 'apps:\n  web: 3901\n';
  const router = await scene.router(good);
  const page = await scene.live(router.admin);
  await router.save('apps:\n  web:\n    prot: 3901\n');
  const file = page.getByRole('region', { name: 'Routes file' });
  await file.getByText('routes.yaml:3:5').waitFor();
  await file.getByText(/3 \|\s+prot: 3901\n\s+\|\s+\^/).waitFor();
  await file.getByText(/The last good table still serves/).waitFor();
  assert.match(await page.title(), /✗ routes.yaml/);
  await router.save(good);
  await file.getByText('routes.yaml:3:5').waitFor({ state: 'detached' });
  assert.equal(await page.title(), 'devrouter');
});
