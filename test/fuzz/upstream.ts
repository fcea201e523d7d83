// The internal service behind the server: it answers as it should, or what no gRPC library would.

import { once } from 'node:events';
import { createServer as createHttp2, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { framed } from '../support/upstream/raw-upstream.ts';
import type { Chance } from './chance.ts';

export type FuzzedUpstream = AsyncDisposable & {
  readonly address: string;
  /** What is answered from now on is made of this; undefined: as it should be. */
  wrongBy(chance: Chance | undefined): void;
};

export async function openFuzzedUpstream(): Promise<FuzzedUpstream> {
  let chance: Chance | undefined;
  const sockets = new Set<Socket>();
  const http2 = createHttp2();
  http2.on('sessionError', () => {});
  http2.on('stream', (stream: ServerHttp2Stream, headers) => {
    stream.on('error', () => {});
    try {
      if (chance === undefined) honest(stream, String(headers[':path']));
      else wrong(stream, chance);
    } catch {
      stream.destroy(); // Node did not want to say it either
    }
  });
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}).once('close', () => sockets.delete(socket)));
    const by = chance;
    if (by?.often(0.05)) socket.end(by.bytes(60));
    else http2.emit('connection', socket);
    if (by?.often(0.05)) setTimeout(() => socket.destroy(), by.int(0, 50));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    wrongBy: (next) => {
      chance = next;
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

const answer = Buffer.from([0x0a, 1, 0x61]);

function honest(stream: ServerHttp2Stream, path: string): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  if (path.endsWith('/BidiStream')) {
    let rest = Buffer.alloc(0);
    stream.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (; rest.length >= 5 && rest.length >= 5 + rest.readUInt32BE(1); rest = rest.subarray(5 + rest.readUInt32BE(1)))
        stream.write(framed(answer));
    });
    stream.on('end', () => stream.end());
  } else stream.resume().on('end', () => stream.end(framed(answer)));
}

function wrong(stream: ServerHttp2Stream, chance: Chance): void {
  stream.resume();
  const status: OutgoingHttpHeaders = {
    'grpc-status': chance.pick(['0', '0', '3', '9', '13', '16', '17', '99', '-1', '', 'x', '5.0', '00']),
    'grpc-message': `played ${chance.pick(['', 'plainly', '%', '%zz', '%E0%A4', '%00', 'x'.repeat(3_000), '\u00ff', 'a%0d%0ab'])}`,
  };
  if (chance.often(0.4))
    status['grpc-status-details-bin'] = chance.pick(['', 'AA', '====', '!', chance.bytes(40).toString('base64'), 'CAkSA25vdw', 'x'.repeat(4_000)]);
  for (let i = chance.int(0, 3); i > 0; i--)
    status[chance.pick(['x-fixture-trailer', 'x-fixture-bin', 'x-first', 'portico-tags', 'content-type', 'grpc-encoding', 'x-last', 'set-cookie'])] =
      chance.pick(['', 'a', 'AP8=', 'AA,,=', 'item:a, user:b', '\u00e9', 'x'.repeat(2_000), 'gzip', 'text/html', 'application/grpc+x']);
  const headers: OutgoingHttpHeaders = {
    ':status': chance.often(0.85) ? 200 : chance.pick([204, 301, 400, 401, 404, 429, 500, 502, 503, 504]),
    'content-type': chance.often(0.85)
      ? 'application/grpc'
      : chance.pick(['text/html', 'application/grpc+proto', 'application/grpc-web', '', 'application/json']),
  };
  if (chance.often(0.15)) headers['grpc-encoding'] = chance.pick(['gzip', 'identity', 'br', 'deflate', '']);
  const how = chance.int(0, 9);
  if (how === 0) stream.close(chance.pick([0, 1, 2, 7, 8, 11, 12, 13]));
  else if (how === 1) stream.respond({ ...headers, ...status }, { endStream: true });
  else if (how === 2) setTimeout(() => stream.close(8), chance.int(0, 3_000)); // silence
  if (how <= 2) return;
  if (chance.often(0.1)) stream.additionalHeaders({ ':status': 103, link: '</a>' });
  stream.respond(headers, { waitForTrailers: chance.often(0.9) });
  const trailers = chance.often(0.9) ? status : { 'x-last': 'no status' };
  stream.on('wantTrailers', () => {
    try {
      stream.sendTrailers(trailers);
    } catch {
      stream.destroy();
    }
  });
  for (let i = chance.int(0, 3); i > 0; i--) {
    const frame = framed(chance.often(0.7) ? answer : chance.often(0.5) ? gzipSync(answer) : chance.bytes(60));
    if (chance.often(0.15)) frame[0] = chance.pick([1, 2, 128, 255]);
    if (chance.often(0.1)) frame.writeUInt32BE(chance.pick([0, 1, 1_000, 0x7fffffff, 0xffffffff]), 1);
    for (const piece of chance.pieces(chance.often(0.1) ? chance.mutated(frame) : frame)) stream.write(piece);
  }
  if (chance.often(0.1)) {
    const code = chance.pick([0, 2, 8]);
    setImmediate(() => stream.close(code)); // in the tick of two writes it keeps Node 24 busy for ever
    return;
  }
  stream.end();
}
