// A thousand routes stay smooth: what is counted is work, not time.
import assert from 'node:assert/strict';
import { publish } from './lib/nats.js';
import { test, until } from './lib/scene.js';

const many = 1000;

// touched counts the rows that changes of the document fall into, and the changes.
const watch = () => {
  window.touched = new Set();
  window.changes = 0;
  new MutationObserver(records => {
    for (const { target, addedNodes } of records) {
      window.changes++;
      const rows = [target.closest?.('tbody tr'), ...[...addedNodes].map(node => node.closest?.('tbody tr'))];
      for (const row of rows) if (row) window.touched.add(row.dataset.uri);
    }
  }).observe(document.querySelector('#table tbody'), { subtree: true, childList: true, attributes: true, characterData: true });
};

test('with a thousand routes only what changes is drawn', async scene => {
  // What is in flight to an address is shown in every row that leads there, so the
  // busy tenth has an app of its own.
  const [calm, busy] = [await scene.app(), await scene.app()];
  const apps = Array.from({ length: many }, (_, i) => `  app-${String(i).padStart(4, '0')}: ${(i % 10 ? calm : busy).port}\n`).join('');
  const router = await scene.router(`apps:\n${apps}`);
  await until('all are routed', async () => (await router.api('/api/routes')).length === many);
  const page = await scene.live(router.admin);
  await page.getByText('1000 routes, 1000 instances').waitFor();
  assert.equal(await page.locator('#table tbody tr').count(), many);
  await until('the health of the apps is known', async () => await page.locator('.chip.up').count() === many);
  const client = await page.context().newCDPSession(page);
  await client.send('Performance.enable');
  const spent = async () => Object.fromEntries((await client.send('Performance.getMetrics')).metrics.map(m => [m.name, m.value]));

  await page.evaluate(watch);
  await publish(router.nats, 'router.register', { host: '127.0.0.1', port: 3999, uris: ['new.localhost'] });
  await page.getByText('1001 routes').waitFor();
  const one = await page.evaluate(() => ({ touched: [...window.touched], changes: window.changes }));
  assert.deepEqual(one.touched, ['new.localhost']);
  assert.ok(one.changes < 20, `one new route made ${one.changes} changes`);

  const before = await spent();
  const hosts = Array.from({ length: 100 }, (_, i) => `app-${String(i * 10).padStart(4, '0')}.localhost`);
  for (const host of hosts) await router.ask(host);
  const plot = host => page.locator(`#table tr[data-uri="${host}"] .traffic path[d^=M]`);
  await until('the traffic in view is shown', async () => await plot(hosts[0]).count() + await plot(hosts[1]).count() === 2);
  await until('all of it has come', async () => (await router.api('/api/routes')).filter(route => route.requests).length === hosts.length);
  const after = await spent();
  const drawn = await page.evaluate(() => ({ touched: window.touched.size, changes: window.changes }));
  assert.ok(drawn.touched < 20, `${drawn.touched} rows were drawn, most of them out of sight`);
  assert.ok(drawn.changes < 30 * 20, `${hosts.length} busy routes made ${drawn.changes} changes`);
  const ms = name => Math.round((after[name] - before[name]) * 1000);
  console.log(`# ${drawn.touched} of ${many} rows drawn: script ${ms('ScriptDuration')} ms, style ${ms('RecalcStyleDuration')} ms, layout ${ms('LayoutDuration')} ms, all tasks ${ms('TaskDuration')} ms`);

  const last = hosts.at(-1);
  assert.equal(await plot(last).count(), 0);
  await page.locator(`#table tr[data-uri="${last}"]`).scrollIntoViewIfNeeded();
  await plot(last).waitFor({ state: 'attached' });

  await page.keyboard.press('/');
  await page.keyboard.type('app-0999');
  await page.getByText('1 of 1001 routes').waitFor();
});
