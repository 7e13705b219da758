// A certificate of nobody's, made anew for each test: no key is in the repository.
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';

// der is one value of ASN.1.
function der(tag, ...parts) {
  const body = Buffer.concat(parts), length = body.length;
  const head = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...head]), body]);
}
const sequence = (...parts) => der(0x30, ...parts);
const oid = (...bytes) => der(0x06, Buffer.from(bytes));
const time = date => der(0x17, Buffer.from(date.toISOString().replace(/^..|[-:T]|\.\d+/g, '')));
const pem = (name, data) => `-----BEGIN ${name}-----\n${data.toString('base64').replace(/.{64}/g, '$&\n')}\n-----END ${name}-----\n`;

/** certificate is that of a host, signed by its own key, and the key. */
export function certificate(host) {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02)); // ECDSA with SHA-256
  const name = sequence(der(0x31, sequence(oid(0x55, 0x04, 0x03), der(0x0c, Buffer.from(host)))));
  const names = sequence(oid(0x55, 0x1d, 0x11), der(0x04, sequence(der(0x82, Buffer.from(host)))));
  const day = 86_400_000;
  const signed = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))), // version 3
    der(0x02, Buffer.from([1]), randomBytes(8)),
    algorithm, name, sequence(time(new Date(Date.now() - day)), time(new Date(Date.now() + day))), name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(names)),
  );
  const whole = sequence(signed, algorithm, der(0x03, Buffer.from([0]), sign('sha256', signed, privateKey)));
  return { chain: pem('CERTIFICATE', whole), key: privateKey.export({ type: 'pkcs8', format: 'pem' }) };
}
