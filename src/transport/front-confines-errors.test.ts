import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type EventEmitter, once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:http2';
import { test } from 'node:test';
import type { DescMethod } from '@bufbuild/protobuf';
import { Metadata } from 'nice-grpc-common';
import { registryOf } from '../../test/support/client/protocols.ts';
import { noReports } from '../../test/support/server/no-reports.ts';
import { fixtureRelease } from '../../test/support/server/test-server.ts';
import { until } from '../../test/support/time/until.ts';
import type { MethodPlan } from '../core/kit/method-plan.ts';
import { RequestMessage } from '../core/kit/request-message.ts';
import { StatusError } from '../core/kit/status-error.ts';
import { openLine, systemClock } from '../wire/system-clock.ts';
import { builtinPlan } from './builtin/builtin-plan.ts';
import { openFront } from './front.ts';
import type { Protocol } from './protocols/protocol.ts';
import type { Served } from './running-call.ts';

const fixture = registryOf(fixtureRelease.descriptorSet);

/** A front whose protocols throw in the event of a stream with a certain path, and answer others. */
async function openThrowing() {
  const defects: unknown[] = [];
  const boom = (path: string, event: string) => {
    if (path === `/${event}`) throw new URIError(path);
  };
  const descriptor = fixture.getService('fixture.v1.ScreenService')?.methods[0] as DescMethod;
  const plan = { ...builtinPlan(fixture, 'grpc.health.v1.Health', 'Check'), descriptor } as MethodPlan;
  const protocol = (hasTrailers: boolean): Protocol => ({
    name: 'connect',
    carries: () => true,
    request: ({ input, path }) => {
      input.on('data', () => boom(path, 'data'));
      return {
        one: () => new Promise((resolve) => input.on('end', () => resolve(new RequestMessage(descriptor.input, new Uint8Array())))),
        each: async function* () {},
        bytesRead: 0,
      };
    },
    reply: (exchange) => ({
      one: () => {
        const trailers = () => {
          boom(exchange.path, 'wantTrailers');
          return { 'grpc-status': '0' };
        };
        exchange.respond(200, {}, hasTrailers ? { trailers } : {});
        exchange.output.end();
      },
      open: () => {},
      message: () => true,
      close: () => {},
      fail: () => {},
    }),
  });
  const served: Served = {
    plan,
    answer: async ({ request }) => ({ metadata: Metadata(), body: (await request.one()).bytes, trailers: Metadata() }),
  };
  const front = await openFront({
    host: '127.0.0.1',
    port: 0,
    tls: undefined,
    served: new Map(['/data', '/wantTrailers', '/stays'].map((path) => [path, served])),
    protocolOf: ({ headers }) => ({ protocol: protocol(headers['content-type'] === 'application/grpc'), refused: undefined }),
    pages: {},
    cors: { apply: () => false },
    refusal: () => new StatusError(13, 'refused'),
    clock: systemClock,
    openLine,
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    reportDefect: (where, error) => defects.push([where, (error as Error).name]),
    reports: noReports,
    timers: { handshakeMs: 10_000, prefaceMs: 10_000, requestMs: 30_000, idleMs: 300_000, stallMs: 30_000 },
    limits: { connections: 10, queuedBytesPerConnection: 1_048_576, queuedBytes: 1_048_576, statusBytes: 8_192 },
  });
  return { defects, url: `http://127.0.0.1:${front.port}`, [Symbol.asyncDispose]: () => front.close() };
}

for (const [contentType, event] of [
  ['application/grpc', 'data'],
  ['application/grpc', 'wantTrailers'],
  ['application/json', 'data'],
]) {
  test(`HTTP/2, ${contentType}: an exception in ${event} of one stream ends that stream, and no other notices`, async () => {
    await using server = await openThrowing();
    const { defects, url } = server;
    const session = connect(url);
    const open = (path: string) => session.request({ ':method': 'POST', ':path': path, 'content-type': contentType }, { endStream: false });
    const other = open('/stays');
    const answered = once(other, 'response');
    other.write('a');
    const thrown = open(`/${event}`);
    thrown.on('error', () => {});
    thrown.resume().end('a');
    await new Promise((resolve) => thrown.on('close', resolve));
    assert.notEqual(thrown.rstCode, 0);
    other.end('b');
    const [headers] = await answered;
    other.resume();
    await once(other, 'close');
    assert.deepEqual([headers[':status'], other.rstCode, defects], [200, 0, [['stream', 'URIError']]]);
    session.destroy();
  });
}

test('HTTP/1.1: an exception in the event of one request ends that request, and no other notices', async () => {
  await using server = await openThrowing();
  const { defects, url } = server;
  const ask = async (path: string) => {
    const asked = request(url + path, { method: 'POST', agent: false });
    asked.end('a');
    const [answer] = await once(asked, 'response');
    answer.resume();
    return answer.statusCode;
  };
  await assert.rejects(ask('/data'));
  assert.deepEqual([await ask('/stays'), defects], [200, [['stream', 'URIError']]]);
});

test('a closed stream holds nothing of its call', async () => {
  await using front = await openThrowing();
  const streams: EventEmitter[] = [];
  const created = (message: unknown) => void streams.push((message as { stream: EventEmitter }).stream);
  subscribe('http2.server.stream.created', created);
  const session = connect(front.url);
  try {
    const stream = session.request({ ':method': 'POST', ':path': '/stays', 'content-type': 'application/grpc' });
    stream.resume().end();
    await once(stream, 'close');
    await until('the stream has closed', () => streams.length === 1 && streams[0]?.eventNames().length === 0);
  } finally {
    unsubscribe('http2.server.stream.created', created);
    session.close();
  }
});
