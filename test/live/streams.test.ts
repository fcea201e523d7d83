// The stream itself: its bounds, its ends, and what a client is advised to do after each.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { LiveHello, LiveRequest, LiveResponse } from '../../src/gen/portico/v1/live.ts';
import { openH2Client } from '../support/client/h2-client.ts';
import { callOf, signIn, transportOf } from '../support/client/protocols.ts';
import { callInternal, type LiveServer, liveRegistry, openLiveServer } from '../support/server/live-server.ts';
import { shiftedClock } from '../support/time/shifted-clock.ts';
import { until } from '../support/time/until.ts';

const clock = shiftedClock();
let server: LiveServer;
before(async () => {
  server = await openLiveServer({
    clock,
    settings: {
      'live.hello': '500ms',
      'live.streamsPerUser': 3,
      'live.subscriptionsMax': 5,
      'live.watchesMax': 2,
      'live.messagesPerSecond': 10,
      'live.bytesMax': 65_536,
      'live.unacknowledgedMax': 20,
      'live.stalled': '1s',
      'auth.accessTokenTtl': '10s',
    },
  });
});
after(() => server?.close());

const [resume, renewToken, stayAway] = [1, 2, 4];
const closedOf = async (client: Awaited<ReturnType<LiveServer['live']>>) => {
  const { reason, advice } = await client.wait('closed');
  await until('the stream has ended', () => client.ended() !== undefined);
  assert.equal(client.ended()?.error, undefined);
  return [reason, advice];
};
const subscriptions = (count: number) => Array.from({ length: count }, (_, i) => ({ topic: `news:${i}`, generation: 1 }));

test('a second stream of the device displaces the first, which is to stay away', async () => {
  const { headers } = await signIn(server, liveRegistry, 'dora');
  const first = await server.live('dora', {}, { headers });
  await first.wait('welcome');
  const second = await server.live('dora', {}, { headers });
  assert.deepEqual(await closedOf(first), ['STREAM_DISPLACED', stayAway]);
  const named = await server.live('dora', { device: 'other', heartbeatMs: 4_294_967_295 }, { headers });
  assert.equal((await named.wait('welcome')).heartbeatMs, 600_000);
  second.send({ case: 'heartbeat', value: { intervalMs: 60_000 } });
  assert.equal((await second.wait('heartbeat')).intervalMs, 60_000);
  second.send({ case: 'heartbeat', value: { intervalMs: 1 } });
  assert.equal((await second.wait('heartbeat', 2)).intervalMs, 5_000);
});

test('streams of one user are bounded, with a reason and a time', async () => {
  for (let i = 0; i < 3; i++) await (await server.live('eve', { device: String(i) })).wait('welcome');
  const one = await server.live('eve', { device: 'more' });
  await until('it is refused', () => one.ended() !== undefined);
  assert.match(String(one.ended()?.error), /resource_exhausted.*3 streams/);
});

test('what the client sends is bounded: subscriptions, watches, messages', async () => {
  assert.deepEqual(await closedOf(await server.live('fay', { subscriptions: subscriptions(10_000).slice(0, 2_000) })), [
    'SUBSCRIPTIONS_TOO_MANY',
    stayAway,
  ]);
  const watches = Array.from({ length: 3 }, (_, id) => ({ id, method: 'fixture.v1.ScreenService/ListItems' }));
  assert.deepEqual(await closedOf(await server.live('fay', { device: 'w', watches })), ['SUBSCRIPTIONS_TOO_MANY', stayAway]);
  const chatty = await server.live('fay', { device: 'm' });
  for (let i = 0; i < 120; i++) chatty.send({ case: 'heartbeat', value: {} });
  assert.deepEqual(await closedOf(chatty), ['MESSAGES_TOO_MANY', resume]);
  const liar = await server.live('fay', { device: 'l' });
  liar.send({ case: 'acknowledge', value: { count: 5n } });
  assert.deepEqual(await closedOf(liar), ['REQUEST_INVALID', stayAway]);
  const twice = await server.live('fay', { device: 't' });
  twice.send({ case: 'hello', value: {} });
  assert.deepEqual(await closedOf(twice), ['REQUEST_INVALID', stayAway]);
});

test('a client that never acknowledges is closed with RESUME, and recovers all', async () => {
  const topic = 'news:slow';
  const client = await server.live('gus', { subscriptions: [{ topic }] }, { acknowledges: false });
  const { position } = await client.wait('subscribed');
  const quick = await server.live('gus', { device: 'quick', subscriptions: [{ topic }] });
  await quick.wait('subscribed');
  const texts = Array.from({ length: 60 }, (_, i) => `event ${i}`);
  for (const text of texts) await server.publish({ topic, text });
  assert.deepEqual(await closedOf(client), ['STREAM_SLOW', resume]);
  assert.ok(client.events().length <= 20);
  const [lastBatch] = client.all('events').slice(-1);
  const last = lastBatch?.events.at(-1);
  const again = await server.live('gus', {
    subscriptions: [{ topic, position: { epoch: position?.epoch, offset: last?.offset, eventId: last?.id } }],
  });
  assert.equal((await again.wait('subscribed')).recovered, true);
  await until('all are there', () => client.events().length + again.events().length >= texts.length);
  assert.deepEqual([...client.events(), ...again.events()], texts);
  await until('others were not held up', () => quick.events().length === texts.length);
  assert.deepEqual(quick.events(), texts);
});

test('a client on a slow network receives what takes it longer than a client may take nothing', async () => {
  await using slow = await openLiveServer({ settings: { 'live.stalled': '3s' } }); // longer than a busy machine holds all up
  const topic = 'news:far';
  const texts: string[] = [];
  const others: string[] = [];
  const client = openH2Client({
    port: Number(new URL(slow.url).port),
    ca: slow.ca,
    path: '/portico.v1.LiveService/Connect',
    token: (await signIn(slow, liveRegistry, 'gus')).accessToken,
    first: LiveRequest.encode({ message: { $case: 'hello', value: LiveHello.fromPartial({ subscriptions: [{ topic }] }) } }).finish(),
    window: 1_000,
    onMessage: (bytes) => {
      const { message } = LiveResponse.decode(bytes);
      if (message?.$case === 'events') texts.push(...message.value.events.map(({ payload }) => Buffer.from(payload).toString()));
      else others.push(message?.$case === 'closed' ? message.value.reason : String(message?.$case));
    },
    onEnd: (why) => others.push(why),
  });
  await until('it listens', () => others.includes('subscribed'));
  const sent = ['x'.repeat(200_000), 'the next'];
  for (const text of sent) await slow.publish({ topic, text });
  const taking = setInterval(() => client.openWindow(16_384), 500);
  try {
    await until('all came, or the stream has ended', () => texts.length === sent.length || others.length > 2);
    assert.deepEqual(others, ['welcome', 'subscribed']);
    assert.deepEqual(texts, sent);
  } finally {
    clearInterval(taking);
    client.close();
  }
});

test('a client that returns and never acknowledges is closed with RESUME, page after page', async () => {
  const topic = 'news:returns';
  const first = await server.live('gus', { device: 'returns', subscriptions: [{ topic }] });
  let { position } = await first.wait('subscribed');
  first.cut();
  const texts = Array.from({ length: 250 }, (_, i) => `event ${i}`);
  await server.publish(...texts.slice(0, 100).map((text) => ({ topic, text })));
  await server.publish(...texts.slice(100, 200).map((text) => ({ topic, text })));
  await server.publish(...texts.slice(200).map((text) => ({ topic, text })));
  const received: string[] = [];
  for (const isLast of [false, false, true]) {
    const client = await server.live('gus', { device: 'returns', subscriptions: [{ topic, position }] }, { acknowledges: false });
    assert.equal((await client.wait('subscribed')).recovered, true);
    if (isLast) await until('all are there', () => received.length + client.events().length === texts.length);
    else assert.deepEqual(await closedOf(client), ['STREAM_SLOW', resume]);
    received.push(...client.events());
    const last = client.all('events').at(-1)?.events.at(-1);
    position = { epoch: position?.epoch ?? '', offset: last?.offset ?? 0n, eventId: last?.id ?? '' };
  }
  assert.deepEqual(received, texts);
});

test('a token is renewed in the stream; a foreign or broken one is refused, and the stream ends with its token', async () => {
  const { headers, refreshToken } = await signIn(server, liveRegistry, 'hal');
  const client = await server.live('hal', { subscriptions: [{ topic: 'user:hal' }] }, { headers });
  await client.wait('subscribed');
  const transport = transportOf('connect h2', server);
  const renew = (accessToken: string) => client.send({ case: 'renew', value: { accessToken } });
  renew((await signIn(server, liveRegistry, 'ida')).accessToken);
  assert.equal((await client.wait('renewed')).reason, 'TOKEN_INVALID');
  renew('nonsense');
  assert.equal((await client.wait('renewed', 2)).reason, 'TOKEN_INVALID');
  const { messages } = await callOf(liveRegistry, transport, 'portico.v1.SessionService/Refresh', { refreshToken });
  renew(String(messages[0]?.accessToken));
  assert.equal((await client.wait('renewed', 3)).reason, '');
  await server.publish({ topic: 'user:hal', text: 'still' });
  await until('it came', () => client.events().length === 1);
});

test('a token of another session, of a service, or that has expired renews nothing, and the stream ends with its own', async () => {
  const { headers, accessToken, refreshToken } = await signIn(server, liveRegistry, 'noa');
  const client = await server.live('noa', { device: 'phone' }, { headers });
  await client.wait('welcome');
  let sent = 0;
  const renew = async (token: string) => {
    client.send({ case: 'renew', value: { accessToken: token } });
    return client.wait('renewed', ++sent);
  };
  assert.equal((await renew((await signIn(server, liveRegistry, 'noa')).accessToken)).reason, 'TOKEN_INVALID');
  assert.notEqual((await renew(await server.portico.serviceToken('orders', 60_000))).reason, '');
  clock.shift(10_000); // every token is good for 10 s and 5 s of skew
  const { messages } = await callOf(liveRegistry, transportOf('connect h2', server), 'portico.v1.SessionService/Refresh', { refreshToken });
  const { reason, endsAt } = await renew(String(messages[0]?.accessToken));
  assert.equal(reason, '');
  clock.shift(6_000);
  const late = await renew(accessToken);
  assert.deepEqual([late.reason, late.endsAt], ['TOKEN_EXPIRED', endsAt]);
  clock.shift(10_000);
  assert.deepEqual(await closedOf(client), ['TOKEN_EXPIRED', renewToken]);
});

test('a revoked session ends its streams at once, and an expired token asks for a new one', async () => {
  const { headers } = await signIn(server, liveRegistry, 'jon');
  const client = await server.live('jon', {}, { headers });
  await client.wait('welcome');
  await callOf(liveRegistry, transportOf('connect h2', server), 'portico.v1.SessionService/SignOut', {}, { headers });
  assert.deepEqual(await closedOf(client), ['SESSION_REVOKED', stayAway]);
});

test('an internal service closes the streams of a user', async () => {
  const [one, other] = [await server.live('kim', { device: '1' }), await server.live('kim', { device: '2' })];
  await one.wait('welcome');
  await other.wait('welcome');
  await callInternal(server, 'Disconnect', { userId: 'kim', resume: true });
  assert.deepEqual(await closedOf(one), ['DISCONNECTED', resume]);
  assert.deepEqual(await closedOf(other), ['DISCONNECTED', resume]);
});

test('a stream without hello is closed, and the end of the requests is no goodbye', async () => {
  const silent = await callOf(liveRegistry, transportOf('connect h2', server), 'portico.v1.LiveService/Connect', [], {
    headers: (await signIn(server, liveRegistry, 'lea')).headers,
  });
  const { reason } = (silent.messages[0] as { message: { value: { reason: string } } }).message.value;
  assert.equal(reason, 'HELLO_MISSING');
  const client = await server.live('lea', { subscriptions: [{ topic: 'news:half' }] });
  await client.wait('subscribed');
  client.halfClose();
  await server.publish({ topic: 'news:half', text: 'still' });
  await until('it came', () => client.events().length === 1);
});

test('an expired token ends the stream with the advice to renew it', async () => {
  const client = await server.live('max');
  await client.wait('welcome');
  clock.shift(20_000);
  assert.deepEqual(await closedOf(client), ['TOKEN_EXPIRED', renewToken]);
});
