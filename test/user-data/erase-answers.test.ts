// What an erasure leaves of a user in Redis and in the memory of replicas.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { openDatabaseAccess } from '../../src/core/adapters/sql/database-access.ts';
import type { ReadyCall } from '../../src/core/ports/call.ts';
import { cameBy, computation } from '../cache/open.ts';
import { GetItemResponse } from '../fixture/gen/fixture/v1/fixture.ts';
import { type CallOptions, planOf, readyCall } from '../support/cache/ready-call.ts';
import { sharedPostgres } from '../support/postgres/shared-database.ts';
import { type RedisPlace, sharedCluster, sharedRedis } from '../support/redis/redis.ts';
import { until } from '../support/time/until.ts';
import { openMarks } from '../support/user-data/life-in-sql.ts';
import { linesOfRedis, marksInRedis } from '../support/user-data/search-redis.ts';
import { issuers, openReplica, type Replica } from './replica-with-answers.ts';

const openPostgres = sharedPostgres();
const useOf = async () => openDatabaseAccess((await openPostgres())[0].db).use;

const getItem = planOf('GetItem');
/** By the policy: a tag that only the computation knows would be compared with a clock, in a Cluster. */
const tagged = (method: string, ...tags: readonly string[]) => planOf(method, { tags: tags.map((text) => ({ source: text, parts: [{ text }] })) });
const item = (itemId: string, options: CallOptions): ReadyCall => readyCall(getItem, { request: { itemId }, ...options });
const ofAFriend = (userId: string, user: string) =>
  readyCall(tagged('GetItem', `friends/${userId}`, `${userId}x:1`), { user, request: { itemId: 'i' } });
const titled = (title: string) => computation({ body: GetItemResponse.encode(GetItemResponse.fromPartial({ title })).finish() });

const places: readonly (readonly [name: string, open: () => Promise<RedisPlace> | undefined])[] = [
  ['memory', () => undefined],
  ['one Redis', sharedRedis],
  ['a Redis Cluster', sharedCluster],
];

/** What a user asked for: both items, in both languages, by tokens of both issuers. */
const calls = (user: string) =>
  issuers.flatMap((issuer) =>
    ['en', 'de'].flatMap((language) => [0, 1].map((i) => ({ i, call: item(`i${i}`, { user, issuer, metadata: { 'accept-language': language } }) }))),
  );

/** Answers of a user, small ones and compressed ones, one that all share, one of a friend; and of somebody whose id is alike. */
async function fill({ cache }: Replica, userId: string, texts: readonly string[], other: string): Promise<void> {
  const [small = '', large = ''] = texts;
  for (const user of [userId, other])
    for (const { i, call } of calls(user))
      await cache.answer(call, titled(user === other ? '' : i === 0 ? small : `${'lorem ipsum '.repeat(500)}${large}`));
  await cache.answer(readyCall(tagged('ListItems', `seen-by:${userId}`), { user: userId }), computation());
  await cache.answer(ofAFriend(userId, other), computation());
  await cache.answer(item('alike', { user: `${userId}x` }), computation());
}

for (const [name, open] of places) {
  test(`${name}: an erasure leaves no answer of a user and no tag that names the user, and all of others`, async () => {
    const place = await open();
    await using replica = await openReplica(place, await useOf());
    for (const end of ['', 'y'.repeat(200)]) {
      const marks = openMarks();
      const [userId, other] = [`${marks.make('user')}${end}`, randomUUID()];
      await fill(replica, userId, [marks.make('small'), marks.make('large')], other);
      const exported: string[] = [];
      for await (const { kind, data } of replica.answers.read(userId, AbortSignal.timeout(60_000)))
        exported.push(`${kind} ${JSON.stringify(data)} ${Buffer.from(String(data.body), 'base64')}`);
      assert.equal(exported.length, 9);
      const stored = async () => [...replica.inMemory(), ...(place ? await linesOfRedis(place) : [])];
      const found = await stored();
      for (const mark of marks.all) {
        assert.ok(found.some((line) => line.includes(mark)));
        assert.ok(exported.some((line) => line.includes(mark)));
      }

      const { parts, again } = await replica.erase(userId);
      assert.deepEqual(
        [parts.cache, again.cache],
        [
          { answers: 10, tags: 3 },
          { answers: 0, tags: 0 },
        ],
      );
      const left = (await stored()).map((line) => line.replaceAll(`${userId}x`, ''));
      assert.deepEqual(
        marks.all.flatMap((mark) => left.filter((line) => line.includes(mark))),
        [],
      );
      for (const { call } of calls(other)) assert.match(cameBy(await replica.cache.answer(call, computation())), /^hit/);
      assert.match(cameBy(await replica.cache.answer(item('alike', { user: `${userId}x` }), computation())), /^hit/);
      assert.match(cameBy(await replica.cache.answer(ofAFriend(userId, other), computation())), /^miss/);
    }
  });
}

for (const [name, open] of places.slice(1))
  test(`${name}: other replicas forget the user, also one that the bus does not reach`, async () => {
    const place = await open();
    const use = await useOf();
    await using a = await openReplica(place, use, { everyMs: 600 }); // so long b has to read whose erasure is under way
    await using b = await openReplica(place, use);
    for (const lost of [false, true]) {
      b.bus.lose(lost);
      const [userId, other] = [`user-${randomUUID()}`, randomUUID()];
      await fill(a, userId, ['', ''], other);
      for (const { call } of calls(userId)) assert.match(cameBy(await b.cache.answer(call, computation())), /^hit/);
      const has = () => b.inMemory().some((line) => line.includes(userId));
      assert.ok(has());
      await a.erase(userId);
      assert.ok(!has());
    }
    assert.ok(b.bus.lost() > 0);
  });

for (const [name, open] of places)
  test(`${name}: what a call under way stores after the first pass is erased by the second, and reported`, async () => {
    const place = await open();
    await using replica = await openReplica(place, await useOf(), { secondPassAfterMs: 500 });
    const [userId, requestId] = [`user-${randomUUID()}`, randomUUID()];
    const slow = computation({}, { held: true });
    const answered = replica.cache.answer(item('slow', { user: userId }), slow);
    await until('it is computed', () => slow.seen.length === 1);
    const first = await replica.ask(userId, requestId);
    assert.deepEqual([first.doneAtMs, first.parts.cache, first.again], [undefined, { answers: 0, tags: 0 }, {}]);
    slow.release();
    assert.match(cameBy(await answered), /^miss/);
    const { parts, again } = await replica.erase(userId, requestId);
    assert.deepEqual(
      [parts.cache, again.cache],
      [
        { answers: 0, tags: 0 },
        { answers: 1, tags: 1 },
      ],
    );
    assert.ok(!replica.inMemory().some((line) => line.includes(userId)));
    assert.deepEqual(place ? await marksInRedis(place, [userId]) : [], []);
  });
