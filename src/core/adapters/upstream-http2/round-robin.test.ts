import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { until } from '../../../../test/support/time/until.ts';
import { openRawUpstream, reply } from '../../../../test/support/upstream/raw-upstream.ts';
import { systemClock } from '../../../wire/system-clock.ts';
import { sendUnary } from '../../upstreams/send-unary.ts';
import { openHttp2Transport } from './open-transport.ts';

const never = new AbortController().signal;
const open = (address: string) => openHttp2Transport({ address }, { clock: systemClock, random: Math.random });
const send = (transport: ReturnType<typeof open>, leftMs = 5_000) =>
  sendUnary(transport, { path: '/a/b', metadata: [], deadlineAtMs: Date.now() + leftMs }, Buffer.from('a'), never);
/** A port of loopback without a listener. */
const nobody = '127.0.0.1:1';

test('calls go round all addresses, past those that fail', async () => {
  const upstreams = [await openRawUpstream(), await openRawUpstream()] as const;
  for (const upstream of upstreams) upstream.answer = (call) => reply(call, { messages: [Buffer.from('b')] });
  const transport = open(`ipv4:${upstreams[0].address},${nobody},${upstreams[1].address}`);
  try {
    await until('both are connected', async () => {
      await send(transport);
      return upstreams.every(({ calls }) => calls.length > 0);
    });
    const before = upstreams.map(({ calls }) => calls.length);
    for (let n = 0; n < 20; n++) assert.ok((await send(transport)).body);
    const got = upstreams.map(({ calls }, i) => calls.length - (before[i] ?? 0));
    assert.deepEqual(got, [10, 10]);
  } finally {
    transport.close();
    for (const upstream of upstreams) await upstream.close();
  }
});

test('when every address has failed, calls fail at once, and say why', async () => {
  const transport = open(`ipv4:${nobody},127.0.0.1:2`);
  const ends = [];
  for (let n = 0; n < 3; n++) ends.push((await send(transport)).end);
  for (const end of ends) assert.deepEqual(end.by === 'transport' && [end.cause, end.processed], ['refused', 'no']);
  transport.close();
});

test('a server that takes connections and never says a word: calls end at their deadline, unseen', async () => {
  const server = createServer(() => {}).listen(0, '127.0.0.1');
  await until('it listens', () => server.listening);
  const transport = open(`127.0.0.1:${(server.address() as { port: number }).port}`);
  const { end } = await send(transport, 100);
  assert.deepEqual(end.by === 'transport' && [end.cause, end.processed], ['timeout', 'no']);
  transport.close();
  server.close();
});

test('not more streams are open at once than the upstream allows, and all calls are answered', async () => {
  const upstream = await openRawUpstream({ settings: { maxConcurrentStreams: 3 } });
  let now = 0;
  let most = 0;
  upstream.answer = (call) => {
    most = Math.max(most, ++now);
    call.stream.once('close', () => now--);
    setTimeout(() => reply(call, { messages: [Buffer.from('b')] }), 5);
  };
  const transport = open(upstream.address);
  const results = await Promise.all(Array.from({ length: 40 }, () => send(transport)));
  assert.equal(results.filter(({ body }) => body !== undefined).length, 40);
  assert.ok(most <= 4, `${most} at once`); // one may close while the next begins
  transport.close();
  await upstream.close();
});

test('noise of any kind instead of HTTP/2 fails calls, and nothing else', async () => {
  const noise = [
    Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'),
    Buffer.alloc(64, 0xff),
    Buffer.alloc(4_096),
    Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0, 9]),
  ];
  for (let n = 0; n < 40; n++) noise.push(Buffer.from(Array.from({ length: 1 + n * 7 }, (_, i) => (i * 31 + n * 17) % 256)));
  for (const bytes of noise) {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.end(bytes);
    }).listen(0, '127.0.0.1');
    await until('it listens', () => server.listening);
    const transport = open(`127.0.0.1:${(server.address() as { port: number }).port}`);
    const { end } = await send(transport, 1_000);
    assert.equal(end.by, 'transport', bytes.toString('hex'));
    transport.close();
    server.close();
  }
});
