import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Fixture, openFixture } from '../fixture/app.ts';
import { openScriptedUpstream, type ScriptedUpstream } from '../fixture/scripted-upstream.ts';
import { callOf, type Outcome, registryOf, signIn, transportOf } from '../support/client/protocols.ts';
import { pageOf } from '../support/client/scrape.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../support/server/test-server.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
let server: TestServer;
let scripted: ScriptedUpstream;
let fixture: Fixture;
let ada: { readonly authorization: string };
before(async () => {
  scripted = await openScriptedUpstream();
  fixture = openFixture();
  server = await openTestServer({ app: fixture.app, samples: { scripted: scripted.address } });
  ada = (await signIn(server, registry, 'ada')).headers;
});
after(async () => {
  await server?.close();
  scripted?.close();
});

const call = async (method: string, request: Record<string, unknown>, headers: Record<string, string> = ada): Promise<Outcome> =>
  callOf(registry, transportOf('grpc h2', server), `fixture.v1.ScreenService/${method}`, request, { headers, foreign: true }); // what a switch plays has no details
const getItem = async (itemId: string, headers: Record<string, string> = {}) => {
  const outcome = await call('GetItem', { itemId }, { ...ada, ...headers });
  assert.equal(outcome.code, 0, outcome.message);
  return { title: outcome.messages[0]?.title, cache: outcome.headers.get('portico-cache'), etag: outcome.headers.get('etag') ?? '', outcome };
};
const invalidate = async (tags: readonly string[], headers?: Record<string, string>, how: { soft?: boolean; settle?: string } = {}) => {
  const token = await server.portico.serviceToken('orders', 60_000);
  return callOf(
    registry,
    transportOf('grpc h2', { url: server.internalUrl, ca: server.ca }),
    'portico.internal.v1.PublisherService/Invalidate',
    { tags: [...tags], ...how },
    { headers: headers ?? { authorization: `Bearer ${token}` } },
  );
};

test('a write invalidates by its policy: the next read is computed anew, and other items stay', async () => {
  await getItem('1');
  await getItem('2');
  assert.equal((await getItem('1')).cache, 'hit');
  assert.equal((await call('ChangeItem', { itemId: '1', title: 'changed' })).code, 0);
  const { title, cache } = await getItem('1');
  assert.deepEqual([title, cache], ['changed', 'miss']);
  assert.equal((await getItem('2')).cache, 'hit');
});

test('a list that all share is invalidated by a write of one', async () => {
  const list = async () => (await call('ListItems', {}, {})).headers.get('portico-cache');
  await list();
  assert.equal(await list(), 'hit');
  await call('ChangeItem', { itemId: '3', title: 'new' });
  assert.equal(await list(), 'miss');
});

test('an internal service invalidates by tags over the internal listener', async () => {
  await getItem('4');
  fixture.titles.set('4', 'moved on');
  assert.equal((await getItem('4')).title, 'title of 4');
  const outcome = await invalidate(['item:4']);
  assert.equal(outcome.code, 0, outcome.message);
  const { title, cache } = await getItem('4');
  assert.deepEqual([title, cache], ['moved on', 'miss']);
});

test('nobody else may invalidate, and what is no tag is refused', async () => {
  assert.equal((await invalidate(['item:4'], {})).reason, 'TOKEN_MISSING');
  assert.notEqual((await invalidate(['item:4'], ada)).code, 0, 'a client is no service');
  assert.equal((await invalidate(['two words'])).reason, 'REQUEST_INVALID');
  const publicly = await callOf(registry, transportOf('grpc h2', server), 'portico.internal.v1.PublisherService/Invalidate', { tags: ['item:4'] });
  assert.equal(publicly.reason, 'METHOD_UNKNOWN');
});

for (const [code, invalidates] of [
  [14, true],
  [4, true],
  [13, true],
  [2, true],
  [1, true],
  [9, false],
  [7, false],
] as const) {
  test(`a write that ended with status ${code} ${invalidates ? 'may have been done, and invalidates' : 'was not done, and invalidates nothing'}`, async () => {
    await getItem('5');
    fixture.switches.writeFailCode = code;
    const failed = await call('ChangeItem', { itemId: '5', title: `status ${code}` });
    fixture.switches.writeFailCode = 0;
    assert.notEqual(failed.code, 0);
    const { title, cache } = await getItem('5');
    assert.deepEqual([title === `status ${code}`, cache], invalidates ? [true, 'miss'] : [false, 'hit']);
    await invalidate(['item:5']);
  });
}

test('a client that has the answer already is told so', async () => {
  const { etag } = await getItem('6');
  const { outcome } = await getItem('6', { 'if-none-match': etag });
  assert.equal(outcome.headers.get('portico-not-modified'), '1');
  assert.equal(outcome.messages[0]?.itemId, '');
});

test('an answer with a missing part is given and not stored', async () => {
  fixture.switches.noteFailCode = 14;
  const partial = await getItem('7');
  assert.deepEqual(
    ((partial.outcome.messages[0]?.missingParts ?? []) as { name: string }[]).map(({ name }) => name),
    ['note'],
  );
  assert.equal(partial.etag, '');
  fixture.switches.noteFailCode = 0;
  await sleep(300); // it is good for another moment
  const whole = await getItem('7');
  assert.deepEqual([whole.cache, whole.etag === ''], ['miss', false]);
});

test('what an internal service says that its answer is about is a tag of the screen, and never gets to the client', async () => {
  scripted.sayTags('shelf:9, courier:1', 'depot:3');
  const { outcome } = await getItem('8');
  scripted.sayTags('');
  assert.deepEqual([outcome.headers.has('portico-tags'), outcome.trailers.has('portico-tags')], [false, false]);
  for (const tag of ['courier:1', 'depot:3']) {
    scripted.sayTags('shelf:9, courier:1', 'depot:3');
    await getItem('8');
    assert.equal((await getItem('8')).cache, 'hit');
    await invalidate([tag]);
    assert.equal((await getItem('8')).cache, 'miss', tag);
    scripted.sayTags('');
  }
  await invalidate(['item:8']);
  await getItem('8');
  await invalidate(['courier:1']);
  assert.equal((await getItem('8')).cache, 'hit', 'nobody said it any more');
});

test('an internal service may invalidate softly: the old answer is served as stale once more, and a new one computed behind it', async () => {
  await getItem('9');
  fixture.titles.set('9', 'newer');
  assert.equal((await invalidate(['item:9'], undefined, { soft: true })).code, 0);
  const { title, cache } = await getItem('9');
  assert.deepEqual([title, cache], ['title of 9', 'stale']);
});

test('while what an answer is computed from settles, it is served and not stored', async () => {
  await getItem('10');
  assert.equal((await invalidate(['item:10'], undefined, { settle: '1m' })).code, 0);
  assert.equal((await getItem('10')).cache, 'miss');
  assert.equal((await getItem('10')).cache, 'miss');
  for (const settle of ['11m', '5', 'soon', '0ms'])
    assert.equal((await invalidate(['item:10'], undefined, { settle })).reason, 'REQUEST_INVALID', settle);
});

test('the verdicts of the cache are counted', async () => {
  const text = await pageOf(server.adminUrl, '/metrics');
  for (const result of ['hit', 'miss']) assert.match(text, new RegExp(`^portico_cache_requests_total\\{result="${result}"\\} [1-9]`, 'm'));
});
