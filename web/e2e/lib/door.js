// An address that stays the same while the server behind it comes and goes: a port
// that a server has let go of may be somebody else's by the time it comes back.
import { connect, createServer } from 'node:net';
import { once } from 'node:events';

export class Door {
  sockets = new Set();

  /** start returns a door that leads to the port of a URL; to may be changed, and be null. */
  static async start(to) {
    const door = new Door();
    door.to = to;
    door.server = createServer(client => door.lead(client)).listen(0, '127.0.0.1');
    await once(door.server, 'listening');
    door.url = `http://127.0.0.1:${door.server.address().port}`;
    return door;
  }

  lead(client) {
    if (!this.to) return client.destroy();
    const inner = connect(Number(new URL(this.to).port), '127.0.0.1');
    for (const [socket, other] of [[client, inner], [inner, client]]) {
      this.sockets.add(socket);
      socket.on('error', () => {}); // close follows
      socket.on('close', () => { this.sockets.delete(socket); other.destroy(); });
      socket.pipe(other);
    }
  }

  async close() {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
    await once(this.server, 'close');
  }
}
