// A small app behind the router, which can be stopped and started at its port.
import { createServer } from 'node:http';
import { once } from 'node:events';

export class App {
  /** start serves handle, by default a line of text, on a free port. */
  static async start(handle = (_, response) => response.end('hello from the app\n')) {
    const app = new App();
    app.handle = handle;
    app.port = 0;
    await app.up();
    return app;
  }

  async up() {
    this.server = createServer((request, response) => this.handle(request, response)).listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
    this.port = this.server.address().port;
  }

  async down() {
    if (!this.server.listening) return;
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }
}
