// A raw node:http2 server: every stream gets the same framed buffer.
import { createSecureServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { framed, subscribedMessage } from '../fanout/event.ts';
import { given, ready } from './common.ts';
import { publishBy } from './fanout-publish.ts';

const streams = new Set<ServerHttp2Stream>();
const server = createSecureServer({ key: given.key(), cert: given.cert() });
server.on('stream', (stream) => {
  streams.add(stream);
  stream.on('error', () => {});
  stream.on('close', () => streams.delete(stream));
  stream.resume();
  stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto' });
  stream.write(framed(subscribedMessage()));
});
const controlPort = await publishBy((message) => {
  const buffer = framed(message);
  for (const stream of streams) stream.write(buffer);
});
server.listen(0, '127.0.0.1', () => ready({ port: (server.address() as AddressInfo).port, controlPort }));
