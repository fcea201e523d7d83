// Two whole servers that share PostgreSQL, Redis and one truth.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type Fixture, openFixture } from '../fixture/app.ts';
import { openScriptedUpstream, type ScriptedUpstream } from '../fixture/scripted-upstream.ts';
import { callOf, registryOf, signIn, transportOf } from '../support/client/protocols.ts';
import { pageOf } from '../support/client/scrape.ts';
import { ownPrefix, type RedisServer, startRedisServer } from '../support/redis/redis.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../support/server/test-server.ts';
import { until } from '../support/time/until.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
let redisServer: RedisServer;
let scripted: ScriptedUpstream;
let fixture: Fixture;
let one: TestServer;
let other: TestServer;
let headers: { readonly authorization: string };
before(async () => {
  redisServer = await startRedisServer({ config: ['maxmemory-policy noeviction'] });
  scripted = await openScriptedUpstream();
  fixture = openFixture();
  const samples = { scripted: scripted.address };
  one = await openTestServer({ app: fixture.app, samples, redis: { mode: 'single', nodes: [redisServer.address], prefix: ownPrefix() } });
  other = await openTestServer({ app: fixture.app, samples, shared: one });
  ({ headers } = await signIn(one, registry, 'ada'));
});
after(async () => {
  await other?.close();
  await one?.close();
  scripted?.close();
  await redisServer?.stop();
});

const transports = new Map<TestServer, ReturnType<typeof transportOf>>();
const transport = (server: TestServer) => {
  const known = transports.get(server) ?? transportOf('grpc h2', server);
  transports.set(server, known);
  return known;
};
const call = (server: TestServer, method: string, request: Record<string, unknown>) =>
  callOf(registry, transport(server), `fixture.v1.ScreenService/${method}`, request, { headers });
const getItem = async (server: TestServer, itemId: string) => {
  const outcome = await call(server, 'GetItem', { itemId });
  assert.equal(outcome.code, 0, outcome.message);
  return { title: outcome.messages[0]?.title, cache: outcome.headers.get('portico-cache') };
};
const invalidate = async (server: TestServer, tags: readonly string[]) =>
  callOf(
    registry,
    transportOf('grpc h2', { url: server.internalUrl, ca: server.ca }),
    'portico.internal.v1.PublisherService/Invalidate',
    { tags: [...tags] },
    { headers: { authorization: `Bearer ${await server.portico.serviceToken('orders', 60_000)}` } },
  );

test('what one replica computed the other has', async () => {
  let tries = 0;
  // a busy machine may need more time for Redis than a call waits for it
  await until('a hit of what the other has computed', async () => {
    const itemId = `shared-${tries++}`;
    const before = fixture.computed.items;
    await getItem(one, itemId);
    return (await getItem(other, itemId)).cache === 'hit' && fixture.computed.items === before + 1;
  });
});

test('what is invalidated or written at one replica is computed anew at the other', async () => {
  await getItem(one, '2');
  await getItem(other, '2');
  fixture.titles.set('2', 'second');
  await invalidate(one, ['item:2']);
  assert.deepEqual(await getItem(other, '2'), { title: 'second', cache: 'miss' });
  await call(other, 'ChangeItem', { itemId: '2', title: 'third' });
  assert.deepEqual(await getItem(one, '2'), { title: 'third', cache: 'miss' });
});

test('equal calls at the same time, at both replicas, are computed once', async () => {
  fixture.switches.onCompute = () => new Promise((resolve) => setTimeout(resolve, 100));
  let tries = 0;
  // a busy machine may need more time for Redis than a call waits for it: then it computes without
  await until('one computation of two hundred calls', async () => {
    const [itemId, before] = [`equal-${tries++}`, fixture.computed.items];
    const calls = Array.from({ length: 200 }, (_, i) => getItem(i % 2 === 0 ? one : other, itemId));
    const results = (await Promise.all(calls)).map(({ cache }) => cache);
    return fixture.computed.items === before + 1 && results.filter((cache) => cache === 'miss').length === 1;
  });
  fixture.switches.onCompute = () => {};
});

test('without Redis nothing fails that needs none: memory answers as stale, screens are computed, a write is answered, and only Invalidate says that it cannot', async () => {
  await getItem(one, '4');
  await getItem(one, '5');
  await until('the answer is remembered', async () => (await getItem(one, '4')).cache === 'hit');
  await redisServer.kill();
  const saysSo = async ({ adminUrl }: TestServer) => (await pageOf(adminUrl, '/readyz')).includes('without Redis');
  await until('the loss is seen', async () => (await saysSo(one)) && (await saysSo(other)));
  assert.equal((await getItem(one, '4')).cache, 'stale');
  assert.equal((await getItem(other, '4')).title, 'title of 4');
  assert.equal((await getItem(one, 'new')).cache, 'miss');
  const refused = await invalidate(one, ['item:4']);
  assert.deepEqual([refused.code, refused.reason], [14, 'STORE_DOWN']);
  assert.ok(refused.details.includes('google.rpc.RetryInfo'));

  assert.equal((await call(one, 'ChangeItem', { itemId: '5', title: 'changed' })).code, 0);
  assert.deepEqual(await getItem(one, '5'), { title: 'changed', cache: 'miss' }, 'what is still to be invalidated is not served');
  const readyz = await fetch(`${one.adminUrl}/readyz`);
  assert.equal(readyz.status, 200);
  assert.match(await readyz.text(), /2 invalidated tags are still to be sent to Redis/);

  await redisServer.restart();
  await until('it is told', async () => !/Redis/.test(await pageOf(one.adminUrl, '/readyz')));
  assert.deepEqual(await getItem(one, '4'), { title: 'title of 4', cache: 'miss' }, 'another generation: nothing of before is believed');
  assert.equal((await getItem(one, '4')).cache, 'hit');
});
