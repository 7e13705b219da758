// As much of a NATS client as a program needs to register itself.
import { connect } from 'node:net';
import { once } from 'node:events';

/** publish sends one message, and returns once the server has taken it. */
export async function publish(url, subject, value) {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const body = Buffer.from(JSON.stringify(value));
  socket.write(`CONNECT {"verbose":false}\r\nPUB ${subject} ${body.length}\r\n`);
  socket.write(body);
  socket.write('\r\nPING\r\n');
  for await (const data of socket) if (data.includes('PONG')) break;
  socket.end();
  if (!socket.destroyed) await once(socket, 'close');
}
