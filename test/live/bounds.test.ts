// What one user may cost a replica: each bound with its reason, and others unaffected.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ConnectError } from '@connectrpc/connect';
import { openByOpen } from '../support/client/live-client.ts';
import { callOf, reasonOf, signIn, transportOf } from '../support/client/protocols.ts';
import { pageOf } from '../support/client/scrape.ts';
import { type LiveServer, liveRegistry, openLiveServer } from '../support/server/live-server.ts';
import { until } from '../support/time/until.ts';

const screens = 'fixture.v1.ScreenService';
let server: LiveServer;
before(async () => {
  server = await openLiveServer({ settings: { 'live.beginsPerSecond': 3, 'live.messagesPerSecond': 1_000, 'live.subscriptionsMax': 1_000 } });
});
after(() => server?.close());

const closings = async (what: string, reason: string): Promise<number> => {
  const page = await pageOf(server.adminUrl, '/metrics');
  const line = page
    .split('\n')
    .find((one) => one.startsWith('portico_live_closed_total') && one.includes(`"${what}"`) && one.includes(`"${reason}"`));
  return Number(line?.split(' ').at(-1) ?? 0);
};
const names = (count: number, from = 0) => Array.from({ length: count }, (_, i) => ({ topic: `news:name-${from + i}`, generation: 1 }));

test('a client that subscribes to ever new names is stopped, counted, and told when to come back', async () => {
  const before = await closings('stream', 'MESSAGES_TOO_MANY');
  const greedy = await server.live('greedy', { subscriptions: names(100) });
  await greedy.wait('subscribed', 100);
  for (const value of names(900, 100)) greedy.send({ case: 'subscribe', value });
  const { reason, advice, delayMs } = await greedy.wait('closed');
  assert.deepEqual([reason, advice, delayMs], ['MESSAGES_TOO_MANY', 1, 10_000]);
  assert.ok(greedy.all('subscribed').length < 350, `${greedy.all('subscribed').length} subscriptions`);
  await until('it is counted', async () => (await closings('stream', 'MESSAGES_TOO_MANY')) === before + 1);
  const other = await server.live('other', { subscriptions: names(100) });
  await other.wait('subscribed', 100);
});

test('a user who opens and closes streams in a storm is refused, and others are not', async () => {
  const { headers } = await signIn(server, liveRegistry, 'stormy');
  const outcomes = new Set<string>();
  for (let i = 0; i < 600 && !outcomes.has('refused'); i++) {
    const client = await server.live('stormy', { device: String(i) }, { headers });
    await until('it is answered', () => client.ended() !== undefined || client.all('welcome').length > 0);
    const error = client.ended()?.error;
    if (error !== undefined) outcomes.add(reasonOf(ConnectError.from(error)) === 'MESSAGES_TOO_MANY' ? 'refused' : String(error));
    client.send({ case: 'goodbye', value: {} });
  }
  assert.deepEqual([...outcomes], ['refused']);
  await (await server.live('other', { device: 'calm' })).wait('welcome');
});

test('the requests of watches are bounded, each by its method and all of a stream together', async () => {
  const client = await server.live('wide');
  /** Of so many bytes: the item is named twice, and the last one counts. */
  const requestOf = (bytes: number) =>
    Buffer.concat([Buffer.from([0x0a]), varint(bytes - 7), Buffer.alloc(bytes - 7, 'a'), Buffer.from([0x0a, 1, 0x62])]);
  const watch = (id: number, bytes: number) =>
    client.send({ case: 'watch', value: { id, generation: 1, method: `${screens}/GetItem`, request: requestOf(bytes) } });
  watch(1, 65_537);
  const one = await client.wait('watchClosed');
  assert.deepEqual([one.id, one.reason, one.advice], [1, 'REQUEST_TOO_LARGE', 4]);
  for (let id = 2; id < 6; id++) watch(id, 65_000);
  await client.wait('watching', 4);
  watch(6, 65_000);
  const sum = await client.wait('watchClosed', 2);
  assert.deepEqual([sum.id, sum.reason], [6, 'REQUEST_TOO_LARGE']);
  assert.match(sum.message, /all watches of a stream/);
  watch(5, 64_999); // in the place of the older one
  client.send({ case: 'unwatch', value: { id: 2, generation: 1 } });
  watch(7, 65_000);
  await client.wait('watching', 6);
  assert.equal(client.ended(), undefined);
});

/** Three bytes of it, as for 16,384 to 2,097,151. */
const varint = (value: number) => Buffer.from([(value & 127) | 128, ((value >> 7) & 127) | 128, value >> 14]);

test('hello with ten thousand subscriptions is refused before any of them begins', async () => {
  const client = await server.live('huge', { subscriptions: Array.from({ length: 10_000 }, (_, i) => ({ topic: `news:${i}`, generation: 1 })) });
  await until('it has ended', () => client.ended() !== undefined);
  assert.equal(reasonOf(ConnectError.from(client.ended()?.error)), 'REQUEST_TOO_COMPLEX');
  assert.equal(client.all('subscribed').length, 0);
});

test('Send takes no forged stream, number or message', async () => {
  const { headers } = await signIn(server, liveRegistry, 'sender');
  const transport = transportOf('connect h1', server);
  const client = openByOpen({ registry: liveRegistry, transport, headers });
  const { streamId } = await client.wait('welcome');
  const send = async (n: bigint, message: unknown, by = headers, id = streamId) =>
    (await callOf(liveRegistry, transport, 'portico.v1.LiveService/Send', { streamId: id, n, message }, { headers: by })).reason;
  const heartbeat = { message: { case: 'heartbeat', value: {} } };
  const otherSession = (await signIn(server, liveRegistry, 'sender')).headers;
  assert.equal(await send(1n, heartbeat, otherSession), 'STREAM_UNKNOWN', 'another session of the user');
  for (const n of [0n, 2n, 18_446_744_073_709_551_615n]) assert.equal(await send(n, heartbeat), 'REQUEST_INVALID', String(n));
  assert.ok(!(await send(1n, heartbeat)));
  assert.ok(!(await send(1n, { message: { case: 'goodbye', value: {} } })), 'a repeat is not handled again');
  assert.ok(!(await send(2n, heartbeat)));
  assert.ok(!(await send(1n, heartbeat)), 'nor is one from before');
  for (const id of ['', `${streamId}0`, streamId.slice(0, -1), '../x', '.'.repeat(100), 'a'.repeat(101)]) {
    const reason = await send(3n, heartbeat, headers, id);
    assert.ok(reason === 'STREAM_UNKNOWN' || reason === 'REQUEST_INVALID', `${id}: ${reason}`);
  }
  assert.ok(!(await send(3n, { message: { case: 'hello', value: {} } })));
  assert.equal((await client.wait('closed')).reason, 'REQUEST_INVALID');
});
