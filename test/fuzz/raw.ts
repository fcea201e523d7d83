// Bytes on a connection of their own: frames of HTTP/2, and requests of HTTP/1.1, of which some are wrong. Nothing is
// asked of the answer but that the connection ends.
import { connect as connectTls } from 'node:tls';
import type { Chance } from './chance.ts';
import { closes, type Where } from './send.ts';

const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
const frame = (type: number, flags: number, stream: number, payload: Buffer, length = payload.length) => {
  const head = Buffer.alloc(9);
  head.writeUIntBE(length & 0xffffff, 0, 3);
  head[3] = type;
  head[4] = flags;
  head.writeUInt32BE(stream >>> 0, 5);
  return Buffer.concat([head, payload]);
};
/** No Huffman coding, no table (RFC 7541, 6.2.2): texts are shorter than 127 bytes. */
const literal = (name: string, value: string) =>
  Buffer.concat([Buffer.from([0, name.length]), Buffer.from(name, 'latin1'), Buffer.from([value.length]), Buffer.from(value, 'latin1')]);

function headerBlock(chance: Chance): Buffer {
  const fields: [string, string][] = [
    [':method', 'POST'],
    [':scheme', 'https'],
    [':authority', 'localhost'],
    [':path', '/fixture.v1.ForwardService/BidiStream'],
    ['content-type', 'application/grpc'],
    ['te', 'trailers'],
  ];
  for (let i = chance.int(0, 3); i > 0; i--) {
    const at = chance.int(0, fields.length - 1);
    const odd = chance.pick<readonly [string, string]>([
      [':path', ''],
      [':path', '*'],
      [':authority', '\u0000'],
      ['Upper', 'x'],
      ['connection', 'close'],
      ['transfer-encoding', 'chunked'],
      ['content-length', '3'],
      ['x\u0000', 'y'],
      ['', ''],
      [':unknown', 'x'],
      ['x', '\r\nInjected: 1'],
      ['host', 'other'],
    ]);
    if (chance.often(0.3)) fields.splice(at, 1);
    else fields.splice(at, 0, [...odd]);
  }
  const block = Buffer.concat(fields.map(([name, value]) => literal(name, value)));
  return chance.often(0.2) ? chance.mutated(block) : block;
}

export function rawHttp2Bytes(chance: Chance): Buffer {
  const parts: Buffer[] = [Buffer.from(preface), frame(4, 0, 0, Buffer.alloc(0))];
  let stream = 1;
  for (let i = chance.int(1, 12); i > 0; i--) {
    const id = chance.often(0.8) ? stream : chance.pick([0, 1, 2, 3, 0x7fffffff, 0xffffffff]);
    const how = chance.int(0, 9);
    if (how <= 3) {
      parts.push(frame(1, chance.pick([0x4, 0x4, 0x5, 0x0, 0x2c, 0xff]), id, headerBlock(chance)));
      if (chance.often(0.5)) stream += 2;
    } else if (how <= 6) {
      const payload = Buffer.concat([Buffer.from([0, 0, 0, 0, 3]), chance.bytes(20)]);
      parts.push(frame(0, chance.pick([0, 0, 1, 8, 9]), id, payload, chance.often(0.9) ? payload.length : chance.int(0, 20_000)));
    } else parts.push(frame(chance.int(2, 12), chance.int(0, 255), id, chance.bytes(chance.pick([0, 4, 5, 6, 8, 40]))));
  }
  const all = Buffer.concat(parts);
  return chance.often(0.2) ? chance.mutated(all) : all;
}

export function rawHttp1Bytes(chance: Chance): Buffer {
  const body = Buffer.from('{"text":"a"}');
  const target = chance.pick([
    '/fixture.v1.ScreenService/Echo',
    'http://localhost/fixture.v1.ScreenService/Echo',
    '*',
    'localhost:443',
    '/ x',
    '/\u0000',
    '',
  ]);
  const lines = [
    `${chance.pick(['POST', 'POST', 'GET', 'CONNECT', 'P\u0000ST'])} ${target} ${chance.pick(['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/1.1 x'])}`,
    ...chance.pick([['Host: localhost'], ['Host: localhost'], [], ['Host: a', 'Host: b'], ['Host:']]),
    'Content-Type: application/json',
    ...chance.pick([
      [`Content-Length: ${body.length}`],
      [`Content-Length: ${body.length}`],
      [`Content-Length: ${body.length}`, `Content-Length: ${body.length + 1}`],
      [`Content-Length: ${body.length}`, 'Transfer-Encoding: chunked'],
      ['Transfer-Encoding: chunked, identity'],
      ['Content-Length: +12'],
      ['Content-Length: 5'],
      ['Content-Length: 99'],
      ['Transfer-Encoding: chunked'],
      ['Expect: 100-continue', `Content-Length: ${body.length}`],
      ['Upgrade: h2c', 'Connection: Upgrade, HTTP2-Settings', 'HTTP2-Settings: AAMAAABk', `Content-Length: ${body.length}`],
    ]),
    ...chance.pick([[], [' folded: x'], ['no colon'], ['X : space'], ['X: \u0007'], [`X: ${'x'.repeat(20_000)}`]]),
  ];
  const one = Buffer.concat([Buffer.from(`${lines.join(chance.often(0.9) ? '\r\n' : '\n')}\r\n\r\n`, 'latin1'), body]);
  const all = Buffer.concat(Array.from({ length: chance.int(1, 3) }, () => one));
  return chance.often(0.2) ? chance.mutated(all) : all;
}

/**
 * Writes bytes in pieces, and waits for the end of the connection for as long as the server's own times take. @returns
 * false when it hangs
 */
export async function sendRaw({ url, ca }: Where, alpn: 'h2' | 'http/1.1', pieces: readonly Buffer[]): Promise<boolean> {
  const { hostname, port } = new URL(url);
  const socket = connectTls({ host: hostname, port: Number(port), ca, servername: hostname, ALPNProtocols: [alpn] });
  socket.on('error', () => {}).resume();
  const closed = closes(socket);
  for (const piece of pieces) socket.write(piece);
  socket.end(); // the server has nothing to wait for any more
  const ended = await closed;
  socket.destroy();
  return ended;
}
