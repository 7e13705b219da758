// What is copied of a route as YAML, pasted into another routes.yaml, is that route.
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { publish } from './lib/nats.js';
import { test, until } from './lib/scene.js';

const file = `apps:
  web: 3901
  shop:
    routes: [shop.localhost/cart]
    instances: [3902, "127.0.0.1:3903", "[::1]:3904", {port: 3905, availability_zone: z1}]
    sticky: [JSESSIONID, connect.sid]
    loadbalancing: round-robin
    tags: {team: core, "a b": "it's: so", n: "7"}
    health: /up?deep=1
    open: true
  ledger:
    protocol: http2
    route_service_url: https://rs.example.com/x?y=z
    instances:
      - {host: 10.0.0.9, tls_port: 7443, server_cert_domain_san: ledger.internal}
      - {tls_port: 7444, availability_zone: "2"}
  tenants:
    routes: ["*.tenants.localhost"]
    instances: [4201, 4202]
    loadbalancing: hash
    hash_header: X-Tenant
    hash_balance: 1.25
  grpc: {port: 50051, protocol: h2c}
  "off": {port: 4301, loadbalancing: least-connection}
  dotted.test: 4401
  two.test:
    routes: [alias.localhost]
    port: 4501
`;

// From the bus: the ids and the times are what a file cannot say.
const messages = [
  { host: '127.0.0.1', port: 5001, uris: ['plain.localhost'] },
  { host: '10.1.2.3', port: 5002, tls_port: 5003, server_cert_domain_san: 'x.internal', protocol: 'http2', uris: ['bus.localhost/a/b'], app: 'guid.with.dots',
    private_instance_id: 'i', tags: { component: 'worker', empty: '' }, options: { loadbalancing: 'hash', hash_header: 'X-A', hash_balance: '2', sticky_cookie_names: ['sid'] } },
  { host: '127.0.0.1', port: 5004, protocol: 'http2', uris: ['half.localhost'], app: 'null' },
  { host: '127.0.0.1', port: 5005, uris: ['hostile.localhost'], app: '"}\u2028<script>\u0085: #', tags: { '- x': '*a', 'y\\': '{' } },
  { host: '127.0.0.1', port: 5006, uris: ['control.localhost'], app: 'a\tb', tags: { 'no\nfile': 'has it' } },
];

// facts are what a registration says of a route, but for what tells its clients
// apart. A file's component is its app.
function facts(route) {
  const { uri, sticky, sticky_cookies, load_balancing, own_balancing, hash_header, hash_balance, route_service_url } = route;
  return {
    uri, sticky, sticky_cookies, load_balancing, own_balancing, hash_header, hash_balance, route_service_url, open: route.open,
    instances: route.instances.map(i => {
      const { component, empty, 'no\nfile': control, ...tags } = i.tags || {};
      const protocol = i.protocol === 'http2' && !i.tls ? undefined : i.protocol; // such a one is sent HTTP/1
      return { addr: i.addr, tls: i.tls, zone: i.zone, protocol, san: i.server_cert_domain_san, health: i.health_path, tags };
    }),
  };
}
const table = async router => (await router.api('/api/routes')).map(facts);
const ids = async router => (await router.api('/api/routes/shop.localhost/cart')).instances.map(i => i.id);

test('a route that is copied as YAML and pasted is the same route', async scene => {
  const from = await scene.router(file);
  for (const message of messages) await publish(from.nats, 'router.register', message);
  const page = await scene.live(from.admin, { permissions: ['clipboard-read', 'clipboard-write'] });
  await until('all instances are there', async () => {
    const routes = await from.api('/api/routes');
    return routes.length === 14 && routes.reduce((n, route) => n + route.instances.length, 0) === 19;
  });
  const routes = await from.api('/api/routes');
  const copied = await page.evaluate(async all => {
    const { yamlOf } = await import('/assets/copy.js');
    return all.map(yamlOf);
  }, routes);
  const blocks = copied.map(text => text.replace(/^apps:\n/, ''));
  const to = await scene.router(`apps:\n${blocks.join('')}`);
  assert.deepEqual((await to.api('/api/state')).file.problems, undefined, blocks.join(''));
  const wanted = await table(from);
  await until('all instances are there', async () => isDeepStrictEqual(await table(to), wanted))
    .catch(async () => assert.deepEqual(await table(to), wanted));
  assert.deepEqual(await ids(to), await ids(from), 'sticky sessions would move');

  await page.locator('tr[data-uri="shop.localhost/cart"] .uri').focus();
  await page.keyboard.press('y');
  const shop = copied[routes.findIndex(route => route.uri === 'shop.localhost/cart')];
  await until('the same is copied by a key', async () => await page.evaluate(() => navigator.clipboard.readText()) === shop);
  await page.goto(`${from.admin}/route?uri=shop.localhost/cart`);
  await page.evaluate(() => navigator.clipboard.writeText(''));
  await page.getByRole('button', { name: 'YAML' }).click();
  await until('and by a button', async () => await page.evaluate(() => navigator.clipboard.readText()) === shop);
});
