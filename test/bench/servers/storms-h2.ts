// A raw node:http2 server for the clients of `storms`: what the platform costs by itself. It sends each client the
// messages that Portico would send, encoded once for all, and knows nothing of tokens, topics or answers.
import { createSecureServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { GetOrderResponse } from '../../../src/gen/app/v1/order.ts';
import { LiveResponse } from '../../../src/gen/portico/v1/live.ts';
import { framed } from '../fanout/event.ts';
import { given, ready } from './common.ts';
import { publishBy } from './fanout-publish.ts';

const eventBytes = 200;
const message = (value: NonNullable<LiveResponse['message']>) => framed(LiveResponse.encode({ message: value }).finish());
const order = (content: string) => GetOrderResponse.encode(GetOrderResponse.create({ order: { orderId: '1', content } })).finish();
const positionAt = (offset: number) => ({ epoch: 'bare', offset: BigInt(offset), eventId: 'abcdefghijkl' });

let offset = 0;
let content = 'first';
/** What a client gets when it comes. */
let greeting = greet(0);

function snapshot(): Buffer {
  return message({ $case: 'snapshot', value: { key: 1n, etag: content, payload: Buffer.from(order(content)), partial: false, stale: false } });
}

/** @param missed the events since all clients were here; 0: they come for the first time */
function greet(missed: number): Buffer {
  const isReturn = missed > 0;
  const events = Array.from({ length: missed }, (_, i) => ({
    offset: BigInt(offset - missed + 1 + i),
    id: 'abcdefghijkl',
    key: '',
    payload: Buffer.alloc(eventBytes),
    publishedAt: new Date(0),
  }));
  return Buffer.concat([
    message({ $case: 'subscribed', value: { topic: 't', generation: 1, recovered: isReturn, position: positionAt(offset - missed) } }),
    ...(isReturn ? [message({ $case: 'events', value: { topic: 't', events } })] : []),
    message({ $case: 'watching', value: { id: 1, generation: 1, key: 1n, current: isReturn } }),
    ...(isReturn ? [] : [snapshot()]),
  ]);
}

const streams = new Set<ServerHttp2Stream>();
const server = createSecureServer({ key: given.key(), cert: given.cert() });
server.on('stream', (stream, { ':path': path }) => {
  stream.on('error', () => {});
  stream.resume();
  const headers = { ':status': 200, 'content-type': 'application/grpc+proto' };
  if (path?.endsWith('/GetOrder')) {
    stream.respond(headers, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(framed(order('probe')));
    return;
  }
  streams.add(stream);
  stream.on('close', () => streams.delete(stream));
  stream.respond(headers);
  stream.write(greeting);
});
const controlPort = await publishBy((body) => {
  const told = JSON.parse(Buffer.from(body).toString()) as { readonly events?: number; readonly content?: string };
  if (told.events !== undefined) {
    offset += told.events;
    greeting = greet(told.events);
  }
  if (told.content !== undefined) {
    content = told.content;
    for (const stream of streams) stream.write(snapshot()); // each one of its own: they watch different orders
  }
});
server.listen(0, '127.0.0.1', () => ready({ port: (server.address() as AddressInfo).port, controlPort }));
