import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { callOf, protocols, registryOf, signIn, transportOf } from '../support/client/protocols.ts';
import { transportsOf } from '../support/client/transports.ts';
import { type FixtureServer, openFixtureServer } from '../support/server/fixture-server.ts';
import { fixtureRelease } from '../support/server/test-server.ts';
import { seeded } from '../support/time/seeded.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
let server: FixtureServer;
before(async () => {
  server = await openFixtureServer();
});
after(() => server?.close());

type Headers = Readonly<Record<string, string>>;

for (const protocol of protocols) {
  test(`${protocol}: alice's answer stays hidden from bob after her hit, with her etag, and with whatever he says of himself`, async () => {
    const alice = await signIn(server, registry, 'alice');
    const bob = await signIn(server, registry, 'bob');
    const itemId = `of-${protocol.replace(' ', '-')}`;
    const get = async (headers: Headers) => {
      const outcome = await callOf(registry, transportOf(protocol, server), 'fixture.v1.ScreenService/GetItem', { itemId }, { headers });
      return { ...outcome, owner: outcome.messages[0]?.owner };
    };
    const hers = await get(alice.headers);
    const hit = await get(alice.headers);
    assert.deepEqual([hers.code, hers.owner, hit.owner, hit.headers.get('portico-cache')], [0, 'alice', 'alice', 'hit']);
    const etag = hit.headers.get('etag') ?? '';
    assert.notEqual(etag, '');
    const tries: readonly Headers[] = [
      {},
      { 'if-none-match': etag },
      { 'x-user-id': 'alice', 'x-forwarded-user': 'alice', 'x-portico-user': 'alice', 'portico-user': 'alice', sub: 'alice' },
      { 'x-authorization': alice.headers.authorization, cookie: `authorization=${alice.accessToken}` },
    ];
    for (const more of tries) {
      const his = await get({ ...bob.headers, ...more });
      assert.deepEqual([his.code, his.owner, his.headers.get('portico-not-modified')], [0, 'bob', null], JSON.stringify(Object.keys(more)));
      assert.notEqual(his.headers.get('etag'), etag);
    }
    assert.equal((await get(alice.headers)).owner, 'alice');
  });
}

test('a second session of the same user gets the same remembered answer, and nobody gets it without a scope', async () => {
  const one = await signIn(server, registry, 'alice');
  const two = await signIn(server, registry, 'alice');
  const narrow = await signIn(server, registry, 'alice', ['other']);
  const get = (headers: Headers) =>
    callOf(registry, transportOf('grpc h2', server), 'fixture.v1.ScreenService/GetItem', { itemId: 'mine' }, { headers });
  await get(one.headers);
  assert.equal((await get(two.headers)).headers.get('portico-cache'), 'hit');
  assert.equal((await get(narrow.headers)).reason, 'SCOPE_MISSING');
});

test("20 users call at random, by every protocol and with each other's etags: each answer carries its owner's mark", async (t) => {
  const seed = Date.now() % 1_000_000;
  t.diagnostic(`seed ${seed}`);
  const random = seeded(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const users = Array.from({ length: 20 }, (_, i) => `user-${i}`);
  const headersOf = new Map<string, Headers>();
  for (const user of users) headersOf.set(user, (await signIn(server, registry, user)).headers);
  const transports = transportsOf(server);
  const etags: string[] = ['"none"'];
  let hits = 0;
  const one = async () => {
    const user = pick(users);
    const itemId = pick(['1', '2', '3', '4', '5']);
    const language = pick(['en', 'de']);
    const headers: Headers = { ...headersOf.get(user), 'accept-language': language, ...(random() < 0.3 ? { 'if-none-match': pick(etags) } : {}) };
    const transport = transports(pick(protocols));
    if (random() < 0.1) {
      await callOf(registry, transport, 'fixture.v1.ScreenService/ChangeItem', { itemId, title: `by ${user}` }, { headers });
      return;
    }
    const method = pick(['GetItem', 'GetItem', 'GetItem', 'StreamItem', 'WhoAmI']);
    const {
      code,
      reason,
      message,
      messages,
      headers: answered,
    } = await callOf(registry, transport, `fixture.v1.ScreenService/${method}`, method === 'WhoAmI' ? {} : { itemId }, { headers });
    if (reason === 'DEADLINE_EXCEEDED' || reason === 'UPSTREAM_TIMEOUT') return; // a busy machine: nobody got anything
    assert.equal(code, 0, message);
    if (answered.get('portico-cache') === 'hit') hits++;
    const etag = answered.get('etag');
    if (answered.get('portico-not-modified') === '1') {
      assert.equal(etag, headers['if-none-match']);
      assert.equal(ownerOf.get(etag ?? ''), user, "another user's etag held");
      return;
    }
    for (const answer of messages) assert.equal(method === 'WhoAmI' ? answer.userId : answer.owner, user);
    if (etag !== null) {
      etags.push(etag);
      ownerOf.set(etag, user);
    }
  };
  const ownerOf = new Map<string, string>();
  for (let round = 0; round < 16; round++) await Promise.all(Array.from({ length: 25 }, one));
  assert.ok(hits > 20, `${hits} hits`);
});

test('an answer for all is one for all', async () => {
  const alice = await signIn(server, registry, 'alice');
  const bob = await signIn(server, registry, 'bob');
  const list = (headers: Headers) => callOf(registry, transportOf('grpc h2', server), 'fixture.v1.ScreenService/ListItems', {}, { headers });
  const first = await list(alice.headers);
  const second = await list(bob.headers);
  assert.deepEqual([first.code, second.headers.get('portico-cache')], [0, 'hit']);
  assert.deepEqual(second.messages, first.messages);
});
