import assert from 'node:assert/strict';
import { constants } from 'node:http2';
import { test } from 'node:test';
import type { UpstreamCall, UpstreamEnd, UpstreamTransport } from '../../src/core/ports/upstream-transport.ts';
import { sendUnary } from '../../src/core/upstreams/send-unary.ts';
import { ReceivedStream } from '../../src/core/upstreams/upstream-stream.ts';
import { settled, until } from '../support/time/until.ts';
import { framed, grpcHeaders, messagesOf, type RawUpstream, reply, trailersOnly } from '../support/upstream/raw-upstream.ts';
import { compressed, cut, malformed } from './malformed-answers.ts';

/** A transport, and the upstream that it goes to. */
export type TransportHarness = AsyncDisposable & { readonly transport: UpstreamTransport; readonly upstream: RawUpstream };

const never = new AbortController().signal;
const message = Buffer.from([0x0a, 0x01, 0x61]);
const callOf = (more: Partial<UpstreamCall> = {}): UpstreamCall => ({ path: '/a.v1.B/C', metadata: [], deadlineAtMs: undefined, ...more });

/** Opens a stream. */
function openStream(transport: UpstreamTransport, only?: Uint8Array, call = callOf()) {
  const received = new ReceivedStream();
  const ended = new Promise<UpstreamEnd>((resolve) => {
    received.onEnd = resolve;
  });
  const sender = transport.call(call, received, only);
  received.bind(sender);
  return { received, sender, ended };
}

/** All messages, then how it ended. */
async function readAll({ received, ended }: ReturnType<typeof openStream>) {
  const messages: Uint8Array[] = [];
  for (let next = await received.next(); next !== undefined; next = await received.next()) messages.push(next);
  return { messages, end: await ended };
}

/** What every adapter promises. */
export function upstreamTransportContract(adapter: string, open: () => Promise<TransportHarness>) {
  const contract = (name: string, body: (on: TransportHarness) => Promise<void>) =>
    test(`${adapter}: ${name}`, { timeout: 60_000 }, async () => {
      await using on = await open();
      await body(on);
    });

  contract('bytes and metadata pass both ways, binary too', async ({ transport, upstream }) => {
    let sent: readonly Buffer[] = [];
    upstream.answer = async (call) => {
      sent = await messagesOf(call);
      reply(call, { headers: { 'x-a': 'one', 'x-b-bin': 'AP8=,AQ' }, messages: [message], trailers: { 'x-c': 'end' } });
    };
    const metadata = [['x-k', 'v'] as const, ['x-k-bin', new Uint8Array([0, 255])] as const, ['x-k-bin', new Uint8Array([1])] as const];
    const { end, headers, body } = await sendUnary(transport, callOf({ metadata }), message, never);
    assert.equal(end.by, 'upstream');
    assert.match(end.peer ?? '', /^127\.0\.0\.1:\d+$/);
    assert.deepEqual([sent, body], [[message], message]);
    assert.deepEqual(headers?.getAll('x-a'), ['one']);
    assert.deepEqual(headers?.getAll('x-b-bin'), [Buffer.from([0, 255]), Buffer.from([1])]);
    assert.deepEqual(headers?.getAll('x-none'), []);
    assert.deepEqual(end.by === 'upstream' && end.trailers.getAll('x-c'), ['end']);
    const seen = upstream.calls.at(-1)?.headers ?? {};
    assert.deepEqual([seen['x-k'], seen['x-k-bin'], seen[':path'], seen.te], ['v', 'AP8=, AQ==', '/a.v1.B/C', 'trailers']);
  });

  for (const count of [0, 1, 3])
    for (const when of ['at once', 'when it is connected', 'later'])
      for (const connection of ['cold', 'warm'])
        contract(`on a ${connection} connection ${count} messages and an end that follows ${when} arrive whole`, async ({ transport, upstream }) => {
          let sent: readonly Buffer[] = [];
          upstream.answer = async (call) => {
            sent = await messagesOf(call);
            reply(call, { messages: [message] });
          };
          if (connection === 'warm') await sendUnary(transport, callOf(), message, never);
          const calls = upstream.calls.length;
          const stream = openStream(transport);
          for (let n = 0; n < count; n++) stream.sender.send(Buffer.from([n]));
          if (when !== 'at once') await until('the call is there', () => upstream.calls.length > calls);
          if (when === 'later') await new Promise((later) => setTimeout(later, 20));
          stream.sender.halfClose();
          const { messages, end } = await readAll(stream);
          assert.deepEqual([messages, end.by === 'upstream' && end.code], [[message], 0]);
          assert.deepEqual(
            sent,
            Array.from({ length: count }, (_, n) => Buffer.from([n])),
          );
        });

  contract('every message before a status that is not OK is handed over, however slow the reader is', async ({ transport, upstream }) => {
    upstream.answer = ({ stream }) => {
      stream.resume();
      stream.respond(grpcHeaders, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '8', 'grpc-message': 'enough' }));
      for (let n = 0; n < 40; n++) stream.write(framed(Buffer.alloc(1_500, n)));
      stream.end();
    };
    for (let n = 0; n < 100; n++) {
      const stream = openStream(transport, message);
      if (n % 4 === 0) await new Promise((later) => setTimeout(later, 5)); // nobody reads yet
      const { messages, end } = await readAll(stream);
      assert.deepEqual([messages.length, end.by === 'upstream' && end.code], [40, 8]);
    }
  });

  contract('what was read before the stream was reset behind its status is handed over, too', async ({ transport, upstream }) => {
    upstream.answer = ({ stream }) => {
      stream.respond(grpcHeaders, { waitForTrailers: true });
      stream.on('wantTrailers', () => {
        stream.sendTrailers({ 'grpc-status': '8' });
        setImmediate(() => stream.close(constants.NGHTTP2_CANCEL));
      });
      stream.write(Buffer.concat(Array.from({ length: 60 }, () => framed(Buffer.alloc(1_000)))));
      stream.end();
    };
    for (let n = 0; n < 20; n++) {
      const stream = openStream(transport); // not half-closed: the upstream has to reset it
      stream.sender.send(message);
      await stream.ended;
      const { messages, end } = await readAll(stream);
      assert.deepEqual([messages.length, end.by === 'upstream' && end.code], [60, 8]);
    }
  });

  contract('messages that are compressed come in their order among those that are not', async ({ transport, upstream }) => {
    upstream.answer = ({ stream }) => {
      const bodies = Array.from({ length: 30 }, (_, n) => Buffer.alloc(1 + n * 900, n));
      cut(stream, Buffer.concat(bodies.map((body, n) => (n % 3 === 0 ? compressed(body) : framed(body)))), { 'grpc-encoding': 'gzip' });
    };
    const { messages, end } = await readAll(openStream(transport, message));
    assert.equal(end.by === 'upstream' && end.code, 0);
    assert.deepEqual(
      messages.map((body) => [body[0], body.length]),
      Array.from({ length: 30 }, (_, n) => [n, 1 + n * 900]),
    );
    assert.match(String(upstream.calls[0]?.headers['grpc-accept-encoding']), /\bgzip\b/);
  });

  contract('of messages that are compressed no more are decompressed than the reader takes', async ({ transport, upstream }) => {
    const body = Buffer.alloc(1_000_000);
    for (const count of [12, 100]) {
      // with their status behind them already, or still on their way
      upstream.answer = ({ stream }) =>
        cut(stream, Buffer.concat(Array.from({ length: count }, (_, n) => (n % 3 === 1 ? framed(message) : compressed(body)))), {
          'grpc-encoding': 'gzip',
        });
      let delivered = 0;
      const receiver = new ReceivedStream();
      const ended = new Promise<UpstreamEnd>((resolve) => {
        receiver.onEnd = resolve;
      });
      const { message: deliver } = receiver;
      receiver.message = (bytes) => {
        delivered += 1;
        return deliver.call(receiver, bytes);
      };
      const sender = transport.call(callOf(), receiver, message);
      receiver.bind(sender);
      await until('the first is there', () => delivered > 0);
      assert.equal(await settled(() => delivered), 1, 'nobody reads');
      const { messages, end } = await readAll({ received: receiver, sender, ended });
      assert.equal(end.by === 'upstream' && end.code, 0);
      assert.deepEqual(
        messages.map(({ length }) => length),
        Array.from({ length: count }, (_, n) => (n % 3 === 1 ? message.length : body.length)),
      );
    }
  });

  contract('a code that is none is UNKNOWN, and still the status of the upstream', async ({ transport, upstream }) => {
    for (const [said, code] of [
      ['0', 0],
      ['16', 16],
      ['5', 5],
      ['17', 2],
      ['99', 2],
      ['-1', 2],
      ['3.5', 2],
      ['0x5', 2],
      ['NOT_FOUND', 2],
      ['', 2],
      ['4294967296', 2],
    ] as const) {
      upstream.answer = (call) => trailersOnly(call, { 'grpc-status': said, 'grpc-message': 'text' });
      const { end } = await readAll(openStream(transport, message));
      assert.deepEqual(end.by === 'upstream' && [end.code, end.message], [code, 'text'], said);
    }
  });

  contract('texts arrive as they were meant, and always well-formed', async ({ transport, upstream }) => {
    for (const [said, text] of [
      ['not%20now', 'not now'],
      ['a%2Fb%3Ac%23%3f', 'a/b:c#?'],
      ['100% sure', '100% sure'],
      ['%', '%'],
      ['%zz%4', '%zz%4'],
      ['%25', '%'],
      ['%E2%82%AC', '€'],
      ['%F0%9F%98%80', '😀'],
      ['%ED%A0%80', '\ufffd\ufffd\ufffd'],
      ['%ff%fe', '\ufffd\ufffd'],
      ['%00', '\0'],
    ] as const) {
      upstream.answer = (call) => trailersOnly(call, { 'grpc-status': '3', 'grpc-message': said });
      const { end } = await readAll(openStream(transport, message));
      assert.equal(end.by === 'upstream' && end.message, text, said);
      assert.ok(end.by === 'upstream' && end.message.isWellFormed());
    }
  });

  for (const [what, answer, causes] of malformed) {
    contract(`${what}: ends the call, and is no status of the upstream`, async ({ transport, upstream }) => {
      upstream.answer = answer;
      for (const stream of [openStream(transport, message), openStream(transport)]) {
        stream.sender.send(message);
        const { end } = await readAll(stream);
        assert.equal(end.by, 'transport');
        assert.match(end.by === 'transport' ? end.cause : '', causes);
      }
      upstream.answer = (call) => reply(call, { messages: [message] });
      const { body } = await sendUnary(transport, callOf(), message, never);
      assert.deepEqual(body, message, 'the next call does not go well');
    });
  }

  contract('OK without a message, or with two, is no answer to a call that gets one', async ({ transport, upstream }) => {
    for (const messages of [[], [message, message]]) {
      upstream.answer = (call) => reply(call, { messages });
      const { end, body } = await sendUnary(transport, callOf(), message, never);
      assert.deepEqual([end.by === 'transport' && end.cause, body], ['protocol', undefined]);
    }
  });

  contract('a call that gets one message is over with the second, and the upstream is told', async ({ transport, upstream }) => {
    upstream.answer = ({ stream }) => {
      stream.resume();
      stream.respond(grpcHeaders);
      stream.on('drain', () => stream.write(framed(message))).write(Buffer.concat([framed(message), framed(message)]));
    };
    const { end, body } = await sendUnary(transport, callOf(), message, never);
    assert.deepEqual([end.by === 'transport' && end.cause, body], ['protocol', undefined]);
    await until('the upstream is told', () => upstream.calls[0]?.stream.rstCode === constants.NGHTTP2_CANCEL);
  });

  contract('a stream that was refused is sent again, whole, and nobody notices', async ({ transport, upstream }) => {
    let sent: readonly Buffer[] = [];
    upstream.answer = async (call) => {
      if (upstream.calls.length % 2 === 1) return call.stream.close(constants.NGHTTP2_REFUSED_STREAM);
      sent = await messagesOf(call);
      reply(call, { messages: [message] });
    };
    const { body } = await sendUnary(transport, callOf(), message, never);
    assert.deepEqual([body, sent], [message, [message]]);
    const stream = openStream(transport);
    for (let n = 0; n < 3; n++) stream.sender.send(Buffer.from([n]));
    await new Promise((later) => setTimeout(later, 20));
    stream.sender.send(Buffer.from([3]));
    stream.sender.halfClose();
    const { messages } = await readAll(stream);
    assert.deepEqual([messages.length, sent], [1, [0, 1, 2, 3].map((n) => Buffer.from([n]))]);
    upstream.answer = ({ stream }) => stream.close(constants.NGHTTP2_REFUSED_STREAM);
    const { end } = await sendUnary(transport, callOf(), message, never);
    assert.equal(end.by === 'transport' && end.processed, 'no');
  });

  contract('a connection that is going away keeps its open stream, and takes no new call', async ({ transport, upstream }) => {
    upstream.answer = ({ stream }) => {
      stream.respond(grpcHeaders, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.on('data', (bytes) => stream.write(bytes));
      stream.on('end', () => stream.end());
    };
    const long = openStream(transport);
    long.sender.send(message);
    assert.deepEqual(await long.received.next(), message);
    const [first] = upstream.sessions;
    first?.close(); // GOAWAY without an error
    for (let n = 0; n < 10; n++) assert.deepEqual((await sendUnary(transport, callOf(), message, never)).body, message);
    assert.notEqual(upstream.calls.at(-1)?.stream.session, first);
    long.sender.send(message);
    assert.deepEqual(await long.received.next(), message);
    long.sender.halfClose();
    assert.equal((await long.ended).by, 'upstream');
  });

  contract('no unary call fails while connections go away all the time', async ({ transport, upstream }) => {
    upstream.answer = (call) => {
      reply(call, { messages: [message] });
      if (upstream.calls.length % 25 === 0) call.stream.session?.close();
    };
    const ends: UpstreamEnd[] = [];
    const callInTurn = async () => {
      for (let n = 0; n < 30; n++) {
        const { end, body } = await sendUnary(transport, callOf(), message, never);
        if (body === undefined) ends.push(end);
      }
    };
    await Promise.all(Array.from({ length: 8 }, callInTurn));
    assert.deepEqual(ends, []);
  });

  contract('the deadline is sent, and kept here, too', async ({ transport, upstream }) => {
    upstream.answer = ({ stream }) => void stream.resume();
    openStream(transport, message); // so that it is connected: a deadline may pass while it is not
    await until('it is connected', () => upstream.calls.length === 1);
    const { end } = await sendUnary(transport, callOf({ deadlineAtMs: Date.now() + 500 }), message, never);
    assert.deepEqual(end.by === 'transport' && [end.cause, end.processed], ['timeout', 'maybe']);
    const [, left = ''] = /^(\d+)m$/.exec(String(upstream.calls[1]?.headers['grpc-timeout'])) ?? [];
    assert.ok(Number(left) > 0 && Number(left) <= 500, left);
    await until('the upstream is told', () => upstream.calls[1]?.stream.closed === true);
  });

  contract('a call that is cancelled ends at once, and the upstream is told', async ({ transport, upstream }) => {
    upstream.answer = ({ stream }) => void stream.resume();
    const leaving = new AbortController();
    const called = sendUnary(transport, callOf(), message, leaving.signal);
    await until('it is there', () => upstream.calls.length === 1);
    leaving.abort();
    const { end } = await called;
    assert.equal(end.by === 'transport' && end.cause, 'cancelled');
    await until('the upstream is told', () => upstream.calls[0]?.stream.rstCode === constants.NGHTTP2_CANCEL);
  });

  contract('who does not read holds the other side back, both ways', async ({ transport, upstream }) => {
    const part = Buffer.alloc(16_384);
    let answered = 0;
    upstream.answer = async ({ stream }) => {
      stream.pause();
      stream.respond(grpcHeaders);
      while (!stream.closed && answered < 1_000) {
        answered += 1;
        if (!stream.write(framed(part))) await new Promise<void>((go) => stream.once('drain', go).once('close', go));
      }
    };
    const { received, sender, ended } = openStream(transport);
    let sent = 0;
    received.onRoom = () => {
      while (sent < 1_000) {
        sent += 1;
        if (!sender.send(part)) return;
      }
    };
    received.onRoom();
    await received.opened();
    assert.ok((await settled(() => sent)) < 300, `${sent} messages were taken for an upstream that reads none`);
    assert.ok((await settled(() => answered)) < 300, `${answered} messages were taken for a reader that reads none`);
    received.onRoom = () => {};
    sender.cancel();
    await ended;
  });

  contract('a transport that is closed ends its calls and takes no more', async ({ transport, upstream }) => {
    upstream.answer = ({ stream }) => void stream.resume();
    const { ended } = openStream(transport, message);
    await until('it is there', () => upstream.calls.length === 1);
    transport.close();
    assert.equal((await ended).by, 'transport');
    assert.equal((await sendUnary(transport, callOf(), message, never)).end.by, 'transport');
  });
}
