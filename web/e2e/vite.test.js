// A real dev server behind the router: what it sends to the browser when a file is
// saved arrives, also while the table changes around it.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer } from 'vite';
import { test, until } from './lib/scene.js';

test('Vite reloads through the router while routes.yaml is edited ten times', async scene => {
  const root = await mkdtemp(join(tmpdir(), 'devrouter-vite-'));
  scene.stops.push(() => rm(root, { recursive: true, force: true }));
  const module = text => `document.querySelector('h1').textContent = ${JSON.stringify(text)};\nif (import.meta.hot) import.meta.hot.accept();\n`;
  await writeFile(join(root, 'index.html'), '<!doctype html><title>app</title><link rel="icon" href="data:,"><h1>…</h1><script type="module" src="/main.js"></script>');
  await writeFile(join(root, 'main.js'), module('version 0'));
  const vite = await createServer({
    root, configFile: false, logLevel: 'error', cacheDir: join(root, '.vite'),
    server: { host: '127.0.0.1', port: 0, watch: null }, // its watcher drops a change that comes within 50 ms of another
  });
  await vite.listen();
  scene.stops.push(() => vite.close());
  const { port } = vite.httpServer.address();

  const router = await scene.router(`apps:\n  app: ${port}\n`);
  const page = await scene.page(router.url('app.localhost'));
  await page.getByRole('heading', { name: 'version 0' }).waitFor();
  await page.evaluate(() => { window.same = true; });
  // Of a change the server tells those who are connected, and the script does not wait for that.
  await until('the page hears of changes', () => vite.ws.clients.size === 1);
  let sockets = 0;
  page.on('websocket', () => sockets++);
  for (let n = 1; n <= 10; n++) {
    await router.save(`apps:\n  app: ${port}\n  other-${n}: ${3900 + n}\n`);
    await until(`edit ${n} is applied`, async () => (await router.api('/api/routes')).some(route => route.uri === `other-${n}.localhost`));
    await writeFile(join(root, 'main.js'), module(`version ${n}`));
    vite.watcher.emit('change', join(root, 'main.js'));
    await page.getByRole('heading', { name: `version ${n}`, exact: true }).waitFor();
  }
  assert.ok(await page.evaluate(() => window.same), 'the page was loaded again');
  assert.equal(sockets, 0, 'the WebSocket was opened again');
});
