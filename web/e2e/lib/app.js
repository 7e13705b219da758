// A small app behind the router, which can be stopped and started at its port.
import { createServer } from 'node:http';
import { once } from 'node:events';

// The ports of apps are below those that systems give to whoever asks for any: one
// that is stopped finds its own again.
const lowest = 20_000, highest = 32_000;

export class App {
  /** start serves handle, by default a line of text, on a free port. */
  static async start(handle = (_, response) => response.end('hello from the app\n')) {
    const app = new App();
    app.handle = handle;
    for (;;) {
      app.port = lowest + Math.floor(Math.random() * (highest - lowest));
      try {
        await app.up();
        return app;
      } catch (error) {
        if (!['EADDRINUSE', 'EACCES'].includes(error.code)) throw error;
      }
    }
  }

  async up() {
    this.server = createServer((request, response) => this.handle(request, response)).listen(this.port, '127.0.0.1');
    await once(this.server, 'listening');
  }

  async down() {
    if (!this.server.listening) return;
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }
}
