// What other sites in the same browser can do to the page and its API: nothing.
// Each attacker is a page of its own, which tries what a browser lets it.
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { connect as connectTLS } from 'node:tls';
import { certificate } from './lib/certificate.js';
import { publish } from './lib/nats.js';
import { test, until } from './lib/scene.js';

const html = text => (_, response) => response.setHeader('Content-Type', 'text/html').end(`<!doctype html><title>x</title>${text}`);
const portOf = url => new URL(url).port;

const attackers = {
  'another site': ({ site }) => `http://site.evil.test:${site.port}/`,
  'another port of this address': ({ site }) => `http://127.0.0.1:${site.port}/`,
  'another port of localhost': ({ site }) => `http://localhost:${site.port}/`,
  'an app of the router': ({ router }) => router.url('mine.localhost'),
  'a frame without an origin': ({ site }) => `http://site.evil.test:${site.port}/frame`,
  'a name that was pointed here': ({ router }) => `http://rebound.evil.test:${portOf(router.admin)}/evil`,
};

// setUp returns a frame of the attacker's, and a router with something to steal.
async function setUp(scene, attacker, config, options) {
  const app = await scene.app();
  const evil = html('<h1>evil</h1>');
  const site = await scene.app((request, response) => request.url === '/frame'
    ? html('<iframe sandbox="allow-scripts allow-forms allow-popups" srcdoc="<h1>evil</h1>"></iframe>')(request, response) : evil(request, response));
  const router = await scene.router(`apps:\n  shop: ${app.port}\n  mine: ${site.port}\n`, [], config);
  await router.ask('shop.localhost', '/secret');
  scene.expected = /./; // the browser says much about what it refuses
  // What the name served before it was pointed here.
  const before = page => page.route('**/evil', route => route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>x</title><h1>evil</h1>' }));
  const page = await scene.page('about:blank', options);
  await before(page);
  await page.goto(attackers[attacker]({ site, router }));
  const frame = page.frames().at(-1);
  await frame.waitForSelector('h1');
  return { router, page, frame };
}

// attempts is run by the attacker's page; each says what came of it.
async function attempts(target) {
  const fetched = async (path, options) => {
    try {
      const reply = await fetch(target + path, { credentials: 'include', ...options });
      const text = await reply.text();
      return reply.type === 'opaque' ? 'refused' : [403, 421].includes(reply.status) ? `refused${/shop|secret/.test(text) ? `, but told ${text}` : ''}` : `${reply.status} ${text}`;
    } catch {
      return 'refused';
    }
  };
  const json = { 'Content-Type': 'application/json' };
  const streamed = path => new Promise(resolve => {
    const source = new EventSource(target + path);
    source.onerror = () => { source.close(); resolve('refused'); };
    source.addEventListener('snapshot', () => { source.close(); resolve('snapshot'); });
  });
  const loaded = (name, attributes) => new Promise(resolve => {
    const node = Object.assign(document.createElement(name), attributes);
    node.onload = () => resolve('loaded');
    node.onerror = () => resolve('refused');
    document.body.append(node);
  });
  const opened = new Promise(resolve => {
    const socket = new WebSocket(`${target.replace('http', 'ws')}/api/events`);
    socket.onopen = () => resolve('open');
    socket.onerror = () => resolve('refused');
  });
  const replay = '/api/requests/1/replay';
  return {
    read: await fetched('/api/state'),
    page: await fetched('/'),
    opaque: await fetched('/api/requests', { mode: 'no-cors' }),
    simple: await fetched(replay, { method: 'POST', mode: 'no-cors', body: '{}' }),
    json: await fetched(replay, { method: 'POST', headers: json, body: '{}' }),
    kept: await fetched(replay, { method: 'POST', mode: 'no-cors', keepalive: true, body: new URLSearchParams('method=DELETE') }),
    guessed: await fetched(replay, { method: 'POST', headers: { ...json, Authorization: 'Basic YTpi' }, body: '{}' }),
    form: await fetched('/requests/1/replay', { method: 'POST', mode: 'no-cors', body: new URLSearchParams('method=DELETE') }),
    masks: await fetched('/requests/1/reveal', { method: 'POST', body: new URLSearchParams() }),
    put: await fetched(replay, { method: 'PUT', headers: json, body: '{}' }),
    reveal: await fetched('/api/requests/1/reveal', { method: 'POST', mode: 'no-cors', body: '{}' }),
    stream: await streamed('/api/events?topics=requests'),
    script: await loaded('script', { src: `${target}/api/requests` }),
    module: await loaded('script', { type: 'module', src: `${target}/assets/page.js` }),
    image: await loaded('img', { src: `${target}/requests/1` }),
    style: await loaded('link', { rel: 'stylesheet', href: `${target}/assets/page.css` }),
    embedded: await loaded('embed', { type: 'text/css', src: `${target}/api/requests` }),
    socket: await opened,
  };
}

for (const attacker of Object.keys(attackers)) {
  test(`${attacker} reads nothing and changes nothing`, async scene => {
    const { router, frame } = await setUp(scene, attacker);
    for (const target of [router.admin, router.page]) {
      if (attacker.startsWith('a name') && target === router.page) continue; // that is another site's
      for (const [how, outcome] of Object.entries(await frame.evaluate(attempts, target))) {
        // Of an embed the browser says that it has loaded whatever it shows: nothing.
        assert.ok(outcome === 'refused' || how === 'embedded' && outcome === 'loaded', `${how} of ${target}: ${outcome}`);
      }
    }
    const { requests } = await router.api('/api/status');
    assert.equal(requests.capturing, false, 'an attack counts as somebody who looks');
    assert.equal((await router.api('/api/requests')).requests.filter(r => r.host.startsWith('shop.')).length, 1, 'a request was sent again');
  });

  if (!/^a (frame|name)/.test(attacker)) {
    test(`${attacker} holds no window that it opens`, async scene => {
      const { router, page, frame } = await setUp(scene, attacker);
      for (const target of [router.admin, router.page]) {
        const opened = page.context().waitForEvent('page');
        await frame.evaluate(url => { window.held = window.open(url); }, target);
        await (await opened).getByRole('heading', { level: 1, name: 'Routes' }).waitFor();
        await until(`${attacker} holds no window of ${target}`, () => frame.evaluate(() => window.held.closed));
      }
    });
  }

  test(`a form of ${attacker} sends nothing again, and its frame stays empty`, async scene => {
    const { router, page, frame } = await setUp(scene, attacker);
    await frame.evaluate(admin => new Promise(resolve => {
      const inner = Object.assign(document.createElement('iframe'), { src: admin });
      inner.onload = resolve;
      document.body.append(inner);
    }), router.admin);
    assert.doesNotMatch(await page.frames().at(-1).content(), /shop\.localhost/, 'the page can be framed');
    const before = page.url(), kinds = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data'];
    const tries = [...kinds.map(enctype => ['/api/requests/1/replay', enctype]), ['/requests/1/replay', kinds[1]], ['/requests/1/reveal', kinds[1]]];
    for (const [path, enctype] of tries) {
      await page.goto(before);
      const sender = page.frames().at(-1);
      await sender.waitForSelector('h1');
      const asked = page.waitForResponse(router.admin + path), arrived = page.waitForEvent('framenavigated');
      await sender.evaluate(([action, enctype]) => {
        const form = Object.assign(document.createElement('form'), { action, method: 'post', enctype });
        form.append(Object.assign(document.createElement('input'), { name: '{"method":"DELETE', value: '"}' }));
        document.body.append(form);
        form.submit();
      }, [router.admin + path, enctype]);
      assert.equal((await asked).status(), 403, `${path} as ${enctype}`);
      await arrived;
    }
    assert.equal((await router.api('/api/requests')).requests.filter(r => r.host.startsWith('shop.')).length, 1, 'a request was sent again');
  });
}

test('a name that another site points here is refused on every port', async scene => {
  const debug = await free(scene);
  const { router, page } = await setUp(scene, 'another site', `debug_addr: 127.0.0.1:${debug}\nprometheus: {enabled: true}\n`);
  const port = portOf(router.admin);
  for (const path of ['/', '/api/state', '/api/requests', '/requests', '/varz', '/routes', '/config', '/metrics', '/health', '/assets/page.js']) {
    const reply = await page.goto(`http://rebound.evil.test:${port}${path}`);
    assert.equal(reply.status(), 421, path);
    assert.ok(!(await reply.text()).includes('shop.localhost'), `${path} tells what is routed`);
  }
  assert.equal((await page.goto(`http://rebound.evil.test:${debug}/debug/pprof/`)).status(), 421);
  assert.equal((await page.goto(`http://rebound.evil.test:${router.port}/`)).status(), 404); // no route has that name
});

// free is a port that nothing listens on.
async function free(scene) {
  const app = await scene.app();
  await app.down();
  return app.port;
}

test('the password of the status is asked for, and lent to nobody', async scene => {
  // The browser has the password, and sends it along whoever asks.
  const { router, page, frame } = await setUp(scene, 'another port of this address', 'status: {user: admin, pass: sesame}\nlogging: {level: debug}\n',
    { httpCredentials: { username: 'admin', password: 'sesame' } });
  const basic = password => ({ Authorization: `Basic ${Buffer.from(`admin:${password}`).toString('base64')}` });
  const asked = (path, password) => fetch(router.admin + path, { headers: password === undefined ? {} : basic(password) });
  for (const path of ['/varz', '/routes', '/config']) {
    for (const password of [undefined, '', 'Sesame', 'sesame ', 'sesam']) assert.equal((await asked(path, password)).status, 401, `${path} with ${password}`);
    assert.equal((await asked(path, 'sesame')).status, 200, path);
  }
  const tab = await page.context().newPage();
  assert.equal((await tab.goto(`${router.admin}/varz`)).status(), 200);
  const admin = router.admin.replace('//', '//admin:sesame@');
  const got = await frame.evaluate(async ([open, guessed]) => {
    const fetched = (url, options) => fetch(url, { credentials: 'include', ...options }).then(async reply => `${reply.type} ${await reply.text()}`, error => error.name);
    const loaded = (name, attributes) => new Promise(resolve => {
      const node = Object.assign(document.createElement(name), attributes, { onload: () => resolve('loaded'), onerror: () => resolve('error') });
      document.body.append(node);
    });
    return {
      read: await fetched(`${open}/varz`),
      opaque: await fetched(`${open}/varz`, { mode: 'no-cors' }),
      script: await loaded('script', { src: `${open}/routes` }),
      image: await loaded('img', { src: `${guessed}/varz` }),
      guess: await fetched(`${guessed}/varz`),
      header: await fetched(`${open}/varz`, { headers: { Authorization: 'Basic YTpi' } }),
    };
  }, [router.admin, admin]);
  for (const [how, outcome] of Object.entries(got)) assert.match(outcome, /^(TypeError|error|opaque )$/, how);
  const shown = await (await asked('/config', 'sesame')).text();
  for (const secret of ['sesame', Buffer.from('admin:sesame').toString('base64')]) {
    assert.ok(!router.said.includes(secret), 'the log has the password');
    assert.ok(!shown.includes(secret), 'the shown configuration has the password');
    assert.ok(!router.process.spawnargs.join(' ').includes(secret), 'the arguments have the password');
  }
});

test('an app is not told which page led to it', async scene => {
  let referrer;
  const app = await scene.app((request, response) => {
    if (request.url === '/') referrer = request.headers.referer ?? 'none';
    response.end('hello from the app\n');
  });
  const router = await scene.router(`apps:\n  shop: ${app.port}\n`);
  const page = await scene.live(`${router.admin}/?q=shop`);
  const popup = page.waitForEvent('popup');
  await page.getByRole('link', { name: 'shop.localhost', exact: true }).click();
  await (await popup).getByText('hello from the app').waitFor();
  assert.equal(referrer, 'none');
  assert.equal(await (await popup).evaluate(() => window.opener), null);
});

test('the name of the page cannot be registered', async scene => {
  const evil = await scene.app(html('<h1>evil</h1>'));
  const router = await scene.router('apps: {}\n');
  for (const uri of ['devrouter.localhost', 'DEVROUTER.localhost', 'devrouter.localhost/api', '*.localhost', 'mine.localhost']) {
    await publish(router.nats, 'router.register', { host: '127.0.0.1', port: evil.port, uris: [uri], app: 'evil' });
  }
  await until('the last is routed', async () => await router.ask('mine.localhost') === 200);
  const page = await scene.live(router.page);
  await page.getByRole('heading', { level: 1, name: 'Routes' }).waitFor();
  assert.equal(await page.evaluate(async () => (await fetch('/api/state')).headers.get('content-type')), 'application/json');
});

test('no path leads out of what the page is made of', async scene => {
  const router = await scene.router('apps: {secret: 3901}\n');
  scene.expected = /404 \(Not Found\)/;
  const page = await scene.page(router.admin);
  const raw = path => new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port: portOf(router.admin), path }, reply => {
      let text = '';
      reply.setEncoding('utf8').on('data', data => { text += data; }).on('end', () => resolve([reply.statusCode, text]));
    }).on('error', reject).end();
  });
  for (const path of ['/assets/../routes.yaml', '/assets/..%2f..%2froutes.yaml', '/assets/%2e%2e/%2e%2e/routes.yaml', '/assets/..\\routes.yaml', '/assets//etc/passwd',
    `/assets/${encodeURIComponent(router.file)}`, '/assets/../templates/layout.html', '/assets/page.css%00.html', '/templates/layout.html', '/.git/config']) {
    const [status, text] = await raw(path);
    assert.ok(status === 404 || status === 307 || status === 400, `${path}: ${status}`);
    assert.doesNotMatch(text, /3901|root:|define "main"/, path);
    if (!path.includes('\\')) assert.equal((await page.goto(router.admin + path)).status(), 404, `${path} in the browser`);
  }
});

test('what requests carry is text in every view, and could not run', async scene => {
  const evil = '"><img src=x onerror="window.pwned=1"><script>window.pwned=1</script>';
  const app = await scene.app((_, response) => response.setHeader('Content-Type', 'text/html').setHeader('X-Evil', evil).end(`<h1>${evil}</h1>`));
  const router = await scene.router(`apps:\n  shop: {port: ${app.port}, sticky: [JSESSIONID]}\n`);
  const ask = path => router.ask('shop.localhost', path, { method: 'POST', headers: { 'X-Evil': evil, 'User-Agent': evil, Cookie: 'JSESSIONID=<script>; __VCAP_ID__="><script>', 'Content-Type': 'text/html' }, body: evil });
  await router.api('/api/requests');
  await ask(`/${encodeURIComponent(evil)}?q=${encodeURIComponent(evil)}`);
  await ask('/%3Cscript%3E?"><script>window.pwned=1</script>');
  assert.equal(await router.ask('<script>.localhost'), 400);
  scene.expected = /404 \(Not Found\)/;
  const page = await scene.page(router.admin);
  const strange = encodeURIComponent(evil);
  for (const path of ['/requests', '/requests/1', '/requests/2', '/route?uri=shop.localhost', `/route?uri=${strange}`, `/explain?url=${strange}&method=${strange}`, '/events', '/file', `/?q=${strange}&sort=${strange}`, `/requests?q=${strange}&status=${strange}`, `/${strange}`]) {
    await page.goto(router.admin + path);
    await page.locator('#connection[data-state=live]').waitFor();
    assert.equal(await page.evaluate(() => window.pwned), undefined, path);
    assert.equal(await page.locator('script:not([src]), img[src=x]').count(), 0, path);
  }
  const explained = await page.goto(router.url(`nothing-${'x'.repeat(20)}.localhost`, `/${strange}`));
  assert.equal(explained.status(), 404);
  assert.equal(await page.evaluate(() => [window.pwned, document.images.length, [...document.scripts].filter(script => script.text.includes('pwned')).length].join()), ',0,0');
  // Were one of them ever live, the policy would stop it.
  scene.expected = /Content Security Policy|404/;
  await page.goto(router.admin);
  const ran = await page.evaluate(() => {
    const script = document.createElement('script');
    script.textContent = 'window.pwned = 1';
    document.body.append(script);
    document.body.setAttribute('onclick', 'window.pwned = 1');
    document.body.click();
    return window.pwned;
  });
  assert.equal(ran, undefined);
});

test('profiles and settings of the process are not there, or not for other sites', async scene => {
  const none = await scene.router();
  scene.expected = /./;
  const page = await scene.page(none.admin);
  for (const path of ['/debug/pprof/', '/debug/pprof/heap', '/debug/vars', '/log-level']) {
    for (const at of [none.admin, none.page]) assert.equal((await page.goto(at + path)).status(), 404, at + path);
  }
  const debug = await free(scene);
  const { frame } = await setUp(scene, 'another port of this address', `debug_addr: 127.0.0.1:${debug}\n`);
  const open = `http://127.0.0.1:${debug}`;
  assert.equal((await page.goto(`${open}/debug/pprof/`)).status(), 200);
  const got = await frame.evaluate(async open => {
    const fetched = (path, options) => fetch(open + path, options).then(async reply => `${reply.type} ${await reply.text()}`, error => error.name);
    return [await fetched('/debug/pprof/cmdline'), await fetched('/log-level', { method: 'PUT', body: 'debug' }), await fetched('/debug/pprof/trace?seconds=60', { mode: 'no-cors' })];
  }, open);
  assert.deepEqual(got, ['TypeError', 'TypeError', 'TypeError']);
  assert.equal((await page.request.put(`${open}/log-level`, { data: 'error', headers: { Origin: 'null' } })).status(), 403);
});

test('a browser gets TLS 1.3, and nobody gets what is old', async scene => {
  const { chain, key } = certificate('app.localhost');
  const indented = text => text.trim().split('\n').map(line => `      ${line}\n`).join('');
  const app = await scene.app();
  const router = await scene.router(`apps:\n  app: ${app.port}\n`, [], 'enable_ssl: true\nssl_port: 0\nclient_cert_validation: none\n' +
    `tls_pem:\n  - cert_chain: |\n${indented(chain)}    private_key: |\n${indented(key)}`);
  const port = portOf(router.https);
  scene.expected = /./;
  const strict = await scene.page('about:blank');
  await assert.rejects(strict.goto(`https://app.localhost:${port}/`), /ERR_CERT_AUTHORITY_INVALID/, 'an authority was installed');
  const page = await scene.page('about:blank', { ignoreHTTPSErrors: true });
  const reply = await page.goto(`https://app.localhost:${port}/`);
  assert.equal((await reply.securityDetails()).protocol, 'TLS 1.3');
  const handshake = options => new Promise(resolve => {
    const socket = connectTLS({ host: '127.0.0.1', port, servername: 'app.localhost', rejectUnauthorized: false, ...options });
    socket.on('secureConnect', () => { resolve(`${socket.getProtocol()} ${socket.getCipher().name}`); socket.destroy(); });
    socket.on('error', () => resolve('refused'));
  });
  assert.match(await handshake({ maxVersion: 'TLSv1.2' }), /^TLSv1\.2 ECDHE-.*(GCM|CHACHA)/);
  for (const options of [{ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'ALL@SECLEVEL=0' }, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES128-SHA' },
    { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES256-SHA384' }, { maxVersion: 'TLSv1.2', ciphers: 'AES128-GCM-SHA256:AES128-SHA' }]) {
    assert.equal(await handshake(options), 'refused', JSON.stringify(options));
  }
});
