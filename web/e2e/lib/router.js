// The real devrouter, on free ports, with a routes.yaml of its own.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const binary = process.env.DEVROUTER || fileURLToPath(new URL('../../../bin/devrouter', import.meta.url));

export class Router {
  /** start returns a router that has applied yaml and listens. config is a devrouter.yml. */
  static async start(yaml = 'apps: {}\n', flags = [], config = '') {
    const router = new Router();
    router.dir = await mkdtemp(join(tmpdir(), 'devrouter-e2e-'));
    router.file = join(router.dir, 'routes.yaml');
    await router.save(yaml);
    if (config) await writeFile(join(router.dir, 'devrouter.yml'), config);
    await router.run(flags);
    return router;
  }

  async run(flags) {
    const env = { ...process.env, HOME: this.dir, XDG_STATE_HOME: join(this.dir, 'state'), XDG_CONFIG_HOME: this.dir, NO_COLOR: '1' };
    for (const name of Object.keys(env)) if (name.startsWith('DEVROUTER')) delete env[name];
    const ports = ['--port=0', '--status-port=0', '--nats-port=0', '--log-format=text'];
    this.process = spawn(binary, [...ports, ...flags], { cwd: this.dir, env, stdio: ['ignore', 'ignore', 'pipe'] });
    this.said = '';
    await new Promise((started, failed) => {
      this.process.on('error', failed);
      this.process.on('exit', code => failed(new Error(`devrouter exited with ${code}:\n${this.said}`)));
      this.process.stderr.setEncoding('utf8').on('data', text => {
        this.said += text;
        if (/ applied: | was not applied/.test(this.said)) started();
      });
    });
    const address = name => this.said.match(new RegExp(`^  ${name} +(\\S+)`, 'm'))[1];
    this.page = address('page'); // http://devrouter.localhost:PORT
    this.admin = address('admin'); // http://127.0.0.1:PORT
    this.nats = address('NATS');
    this.port = new URL(this.page).port;
    this.https = this.said.match(/^  https +(\S+)/m)?.[1]; // https://localhost:PORT
  }

  /** url is where a browser reaches a host of the table. */
  url(host, path = '/') {
    return `http://${host}:${this.port}${path}`;
  }

  /** ask sends a request to a host of the table, and returns the status. */
  ask(host, path = '/', { method = 'GET', headers = {}, body = '' } = {}) {
    return new Promise((resolve, reject) => {
      const options = { host: '127.0.0.1', port: this.port, path, method, headers: { host: `${host}:${this.port}`, ...headers } };
      request(options, reply => reply.resume().on('end', () => resolve(reply.statusCode))).on('error', reject).end(body);
    });
  }

  /** save replaces routes.yaml as an editor does: by a rename over it. */
  async save(yaml) {
    await writeFile(this.file + '~', yaml);
    await rename(this.file + '~', this.file);
  }

  async edit(change) {
    await this.save(change(await readFile(this.file, 'utf8')));
  }

  async api(path, options) {
    const reply = await fetch(this.admin + path, options);
    if (!reply.ok) throw new Error(`${path}: ${reply.status} ${await reply.text()}`);
    return reply.json();
  }

  /** end stops the process; run may start another, at other ports. */
  async end() {
    if (this.process.exitCode !== null) return;
    this.process.removeAllListeners('exit');
    this.process.kill('SIGTERM');
    await once(this.process, 'exit');
  }

  async stop() {
    await this.end();
    await rm(this.dir, { recursive: true, force: true });
  }
}
