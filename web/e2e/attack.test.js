// What other sites in the same browser can do to the page and its API: nothing.
import assert from 'node:assert/strict';
import { App } from './lib/app.js';
import { test } from './lib/scene.js';

const setUp = async scene => {
  const app = await scene.app();
  const router = await scene.router(`apps:\n  shop: ${app.port}\n`);
  await scene.live(`${router.admin}/requests`); // so that there is something to steal
  await router.ask('shop.localhost', '/secret');
  const site = await scene.app((_, response) => response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>evil</title>'));
  scene.expected = /./; // the browser says much about what it refuses
  return { router, evil: await scene.page(`http://site.evil.test:${site.port}/`) };
};

test('a name that another site points here is refused', async scene => {
  const { router, evil } = await setUp(scene);
  const port = new URL(router.admin).port;
  for (const path of ['/', '/api/state', '/api/requests', '/requests', '/varz']) {
    const reply = await evil.goto(`http://rebound.evil.test:${port}${path}`);
    assert.ok([401, 403, 421].includes(reply.status()), `${path}: ${reply.status()}`);
    assert.ok(!(await reply.text()).includes('shop.localhost'), `${path} tells what is routed`);
  }
});

test('another origin reads nothing, changes nothing, and frames nothing', async scene => {
  const { router, evil } = await setUp(scene);
  const got = await evil.evaluate(async admin => {
    const fetched = async (path, options) => {
      try {
        const reply = await fetch(admin + path, { credentials: 'include', ...options });
        return `${reply.type} ${reply.status} ${await reply.text()}`;
      } catch (error) {
        return error.name;
      }
    };
    const streamed = path => new Promise(resolve => {
      const source = new EventSource(admin + path);
      source.onerror = () => { source.close(); resolve('error'); };
      source.addEventListener('snapshot', () => { source.close(); resolve('snapshot'); });
    });
    const loaded = (name, attributes) => new Promise(resolve => {
      const node = Object.assign(document.createElement(name), attributes);
      node.onload = () => resolve('loaded');
      node.onerror = () => resolve('error');
      document.body.append(node);
    });
    const opened = new Promise(resolve => {
      const socket = new WebSocket(`${admin.replace('http', 'ws')}/api/events`);
      socket.onopen = () => resolve('open');
      socket.onerror = () => resolve('error');
    });
    return {
      read: await fetched('/api/state'),
      opaque: await fetched('/api/requests', { mode: 'no-cors' }),
      reply: await fetched('/api/requests/1/replay', { method: 'POST', mode: 'no-cors', body: '{}' }),
      json: await fetched('/api/requests/1/replay', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: '{}' }),
      reveal: await fetched('/api/requests/1/reveal', { method: 'POST', mode: 'no-cors', body: '{}' }),
      stream: await streamed('/api/events?topics=requests'),
      script: await loaded('script', { src: `${admin}/api/requests` }),
      style: await loaded('link', { rel: 'stylesheet', href: `${admin}/assets/page.css` }),
      socket: await opened,
    };
  }, router.admin);
  for (const [how, outcome] of Object.entries(got)) {
    assert.ok(/^(TypeError|error|opaque 0 )$/.test(outcome), `${how}: ${outcome}`);
  }
  const { requests } = await router.api('/api/requests');
  assert.equal(requests.length, 1, 'a request was sent again');
});

test('a form of another site sends nothing again, and its frame stays empty', async scene => {
  const { router, evil } = await setUp(scene);
  await evil.evaluate(admin => {
    const frame = Object.assign(document.createElement('iframe'), { name: 'inside', src: admin });
    document.body.append(frame);
    return new Promise(resolve => { frame.onload = resolve; });
  }, router.admin);
  assert.doesNotMatch(await evil.frames()[1].content(), /shop\.localhost/, 'the page can be framed');
  const [reply] = await Promise.all([
    evil.waitForResponse(`${router.admin}/api/requests/1/replay`),
    evil.evaluate(admin => {
      const form = Object.assign(document.createElement('form'), { action: `${admin}/api/requests/1/replay`, method: 'post', enctype: 'text/plain' });
      form.append(Object.assign(document.createElement('input'), { name: '{"method":"DELETE', value: '"}' }));
      document.body.append(form);
      form.submit();
    }, router.admin),
  ]);
  assert.equal(reply.status(), 403);
  assert.equal((await router.api('/api/requests')).requests.length, 1, 'a request was sent again');
});

test('an app of the router is another site too', async scene => {
  const html = (_, response) => response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>app</title>');
  const app = await App.start(html);
  scene.stops.push(() => app.down());
  const router = await scene.router(`apps:\n  mine: ${app.port}\n`);
  scene.expected = /./;
  const page = await scene.page(router.url('mine.localhost'));
  const read = await page.evaluate(async url => fetch(`${url}/api/state`).then(() => 'read', error => error.name), router.page);
  assert.equal(read, 'TypeError');
});
