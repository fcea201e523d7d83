import assert from 'node:assert/strict';
import type { OutgoingHttpHeaders } from 'node:http';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { createRegistry } from '@bufbuild/protobuf';
import { Metadata } from 'nice-grpc-common';
import type { MethodPlan } from '../core/kit/method-plan.ts';
import { StatusError } from '../core/kit/status-error.ts';
import type { Answer, CallRequest, Ending, Sink, StreamBody } from '../core/ports/call.ts';
import type { Exchange } from './exchange.ts';
import { protoCodec } from './protocols/codec.ts';
import { connectStream } from './protocols/connect-stream.ts';
import { grpc } from './protocols/grpc.ts';
import { grpcWeb } from './protocols/grpc-web.ts';
import type { Protocol, Reply } from './protocols/protocol.ts';
import { type EdgeParts, RunningCall } from './running-call.ts';

const message = Buffer.from('a');
const request: CallRequest = { one: () => assert.fail('it is a stream'), each: async function* () {}, bytesRead: 0 };

function openExchange(respond: Exchange['respond'] = () => {}): Exchange {
  const input = new PassThrough();
  const output = new PassThrough();
  return {
    version: 2,
    method: 'POST',
    path: '/a.v1.B/C',
    query: '',
    headers: { ':authority': 'localhost' },
    rawHeaders: [],
    peer: { address: '127.0.0.1', port: 1, certificateNames: [] },
    input,
    output,
    write: (bytes) => output.write(bytes),
    stuckForMs: 0,
    end: (bytes) => void output.end(bytes),
    also: undefined,
    respond,
    isWhole: () => true,
    isClosed: () => false,
    statusBytesMax: 8_192,
    report: () => {},
    tooLate: () => {},
    running: undefined,
  };
}

/** A call whose reply cannot be opened. */
function openCall({ fail = () => {} }: { readonly fail?: () => void } = {}) {
  const exchange = openExchange();
  const { output } = exchange;
  const sent: string[] = [];
  const failures: StatusError[] = [];
  const reply: Reply = {
    one: () => assert.fail('it is a stream'),
    open: () => {
      throw new Error('This metadata cannot be sent.');
    },
    message: () => sent.push('message') > 0,
    close: () => sent.push('close'),
    fail: (status) => {
      failures.push(status);
      fail();
    },
  };
  const defects: string[] = [];
  const parts: EdgeParts = {
    served: new Map(),
    protocolOf: () => assert.fail('its protocol is known'),
    refusal: (fault) => new StatusError(13, fault.reason),
    reportDefect: (error) => defects.push((error as Error).message),
    nowMs: () => 0,
    watch: () => () => {},
  };
  const endings: Ending[] = [];
  let handled = 0;
  const run = (answer: () => Answer | Promise<Answer>) => {
    const plan = { method: 'a.v1.B/C', kind: 'bidi_stream' } as MethodPlan;
    const protocol = { name: 'grpc', carries: () => true, reply: () => reply, request: () => request } as const;
    new RunningCall(exchange, { plan, protocol, reply, authority: 'localhost', handled: () => void handled++ }, parts).run((call) => {
      call.onEnd((ending) => endings.push(ending));
      return answer();
    });
  };
  return { run, output, sent, failures, defects, endings, handled: () => handled };
}

/** A stream that never ends by itself. */
function endless() {
  const seen: { sink?: Sink; closed: boolean } = { closed: false };
  const pulled: AsyncIterable<Uint8Array> = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => {}),
      return: async () => {
        seen.closed = true;
        return { done: true, value: undefined };
      },
    }),
  };
  const pushed = (sink: Sink) => {
    seen.sink = sink;
    seen.closed = sink.signal.aborted;
    sink.write(message);
    sink.end();
  };
  return { seen, pulled, pushed };
}

const answerOf = (body: StreamBody): Answer => ({ metadata: Metadata(), trailers: Metadata(), body });
const turn = () => new Promise((later) => setImmediate(later));

for (const form of ['pulled', 'pushed'] as const)
  for (const soon of ['at once', 'later'])
    test(`a stream that is ${form} and answered ${soon} fails with a status, and its writer stops, when its reply cannot be opened`, async () => {
      const call = openCall();
      const body = endless();
      call.run(() => (soon === 'at once' ? answerOf(body[form]) : Promise.resolve(answerOf(body[form]))));
      await turn();
      assert.deepEqual(
        call.failures.map(({ code, message: text }) => [code, text]),
        [[13, 'INTERNAL']],
      );
      assert.deepEqual([call.sent, call.handled(), body.seen.closed], [[], 1, true]);
      assert.deepEqual(
        call.endings.map(({ how }) => how),
        ['threw'],
      );
      assert.deepEqual(call.defects, ['This metadata cannot be sent.']);
    });

test('a call ends, and its writer stops, when the client left before the stream could begin', async () => {
  const call = openCall();
  const body = endless();
  const later = Promise.withResolvers<Answer>();
  call.run(() => later.promise);
  call.output.destroy();
  await turn();
  later.resolve(answerOf(body.pulled));
  await turn();
  assert.deepEqual([call.sent, call.failures, call.handled(), body.seen.closed], [[], [], 1, true]);
  assert.deepEqual(call.endings, [{ how: 'closed' }]);
});

test('a stream is closed, without an unhandled rejection, when not even its status can be sent', async () => {
  const call = openCall({
    fail: () => {
      throw new Error('Nor can this status.');
    },
  });
  const body = endless();
  call.run(() => Promise.resolve(answerOf(body.pulled)));
  await turn();
  assert.deepEqual([call.output.destroyed, call.sent, call.handled(), body.seen.closed], [true, [], 1, true]);
  assert.deepEqual(call.defects, ['This metadata cannot be sent.', 'Nor can this status.']);
});

const streams: readonly Protocol[] = [grpc, grpcWeb(protoCodec, false), grpcWeb(protoCodec, true), connectStream(protoCodec, createRegistry())];
for (const [i, protocol] of streams.entries())
  test(`a reply of ${protocol.name} (${i}) that could not be opened still sends a status with its headers`, () => {
    const responses: OutgoingHttpHeaders[] = [];
    let attempts = 0;
    const exchange = openExchange((_status, headers) => {
      if (attempts++ === 0) throw new Error('This metadata cannot be sent.');
      responses.push(headers);
    });
    const reply = protocol.reply(exchange);
    assert.throws(() => reply.open(Metadata()));
    reply.fail(new StatusError(13, 'INTERNAL'), 8_192);
    assert.deepEqual([responses.length, typeof responses[0]?.['content-type']], [1, 'string']);
  });
