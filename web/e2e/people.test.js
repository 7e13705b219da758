// What the router itself says to a person.
import { test } from './lib/scene.js';

test('an unknown host gets a page that says what there is, and loads the app once it is routed', async scene => {
  const app = await scene.app((_, response) => response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>up</title><link rel="icon" href="data:,"><h1>here it is</h1>'));
  const router = await scene.router('apps:\n  shop: 3998\n');
  scene.expected = /404/;
  const page = await scene.page(router.url('shpo.localhost'));
  await page.getByText('shpo.localhost').first().waitFor();
  await page.getByRole('link', { name: 'shop.localhost' }).first().waitFor();
  await router.edit(yaml => `${yaml}  shpo: ${app.port}\n`);
  await page.getByRole('heading', { name: 'here it is' }).waitFor();
});

test('the page of an app that is down loads the app once it is up', async scene => {
  const app = await scene.app((_, response) => response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>up</title><link rel="icon" href="data:,"><h1>it is up</h1>'));
  await app.down();
  const router = await scene.router(`apps:\n  web: ${app.port}\n`);
  scene.expected = /50[023]/;
  const page = await scene.page(router.url('web.localhost'));
  await page.getByText(/connection refused/).first().waitFor();
  await app.up();
  await page.getByRole('heading', { name: 'it is up' }).waitFor();
});
