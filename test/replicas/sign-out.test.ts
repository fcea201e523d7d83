import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Clock } from '../../src/core/kit/clock.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { callOf, registryOf, signIn, transportOf } from '../support/client/protocols.ts';
import { pageOf } from '../support/client/scrape.ts';
import { ownPrefix, sharedCluster, sharedRedis, startRedisServer } from '../support/redis/redis.ts';
import { type FixtureServer, openFixtureServer } from '../support/server/fixture-server.ts';
import { fixtureRelease } from '../support/server/test-server.ts';
import { until } from '../support/time/until.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
type Headers = { readonly authorization: string };
const call = (at: FixtureServer, method: string, headers: Headers, request: Record<string, unknown> = {}) =>
  callOf(registry, transportOf('grpc h2', at), method, request, { headers });
const whoAmI = async (at: FixtureServer, headers: Headers) => (await call(at, 'fixture.v1.ScreenService/WhoAmI', headers)).reason ?? 'ok';
const signOut = (at: FixtureServer, headers: Headers) => call(at, 'portico.v1.SessionService/SignOut', headers);

async function openStream(at: FixtureServer, headers: Headers) {
  const before = at.scripted.running();
  const ended = call(at, 'fixture.v1.ForwardService/BidiStream', headers, { text: 'x', count: 2, delayMs: 60_000 });
  await until('the stream runs', () => at.scripted.running() > before);
  return { ended };
}

/** A clock on which nothing is ever done at an interval of a second or more: SQL is not asked, so that what is known came by the bus, or after a gap in it. */
const impatient: Clock = {
  ...systemClock,
  after: (delayMs, callback) => (delayMs >= 1_000 ? () => {} : systemClock.after(delayMs, callback)),
};

// Each has servers of its own, and waits for them most of the time.
describe('signing out', { concurrency: 3 }, () => {
  for (const [name, shared] of [['a single Redis', sharedRedis] as const, ['a Redis Cluster', sharedCluster] as const]) {
    test(`two replicas on ${name}: who signs out at one is signed out at the other, remembered tokens and open streams too, without SQL being asked`, async () => {
      await using a = await openFixtureServer({ redis: await shared() });
      await using b = await openFixtureServer({ shared: a, clock: impatient });
      const [alice, bob] = [await signIn(a, registry, 'alice'), await signIn(b, registry, 'bob')];
      assert.deepEqual([await whoAmI(b, alice.headers), await whoAmI(a, bob.headers)], ['ok', 'ok']);
      const streams = [await openStream(b, alice.headers), await openStream(a, alice.headers)];
      const untouched = await openStream(b, bob.headers);
      await signOut(a, alice.headers);
      for (const { ended } of streams) {
        const { code, reason } = await ended;
        assert.deepEqual([code, reason], [16, 'SESSION_REVOKED']);
      }
      assert.equal(await whoAmI(b, alice.headers), 'SESSION_REVOKED');
      assert.equal(await whoAmI(b, bob.headers), 'ok', 'nobody else is touched');
      await signOut(b, bob.headers);
      assert.equal((await untouched.ended).reason, 'SESSION_REVOKED');
      await until('A knows of what was ended at B', async () => (await whoAmI(a, bob.headers)) === 'SESSION_REVOKED');
    });
  }

  test('what was ended while Redis was away is read from SQL when it comes back, though nobody tells', { timeout: 60_000 }, async () => {
    await using redisServer = await startRedisServer();
    const redis = { mode: 'single' as const, nodes: [redisServer.address], prefix: ownPrefix() };
    const a = await openFixtureServer({ redis });
    try {
      await using b = await openFixtureServer({ redis, shared: a, clock: impatient });
      const alice = await signIn(a, registry, 'alice');
      assert.equal(await whoAmI(b, alice.headers), 'ok');
      await redisServer.kill();
      await until('both have seen it', async () => (await readyz(a)).includes('without Redis') && (await readyz(b)).includes('without Redis'));
      assert.equal((await signOut(a, alice.headers)).code, 0, 'a sign-out needs no Redis');
      assert.equal(await whoAmI(a, alice.headers), 'SESSION_REVOKED');
      assert.equal(await whoAmI(b, alice.headers), 'ok', 'nobody could tell B');
      await a.portico.close(); // so that it cannot tell later either
      await redisServer.restart();
      await until('B knows', async () => (await whoAmI(b, alice.headers)) === 'SESSION_REVOKED');
      await until('B is whole again', async () => !(await readyz(b)).includes('without Redis'));
    } finally {
      await a.close();
    }
  });

  test('while Redis is gone a sign-out reaches the other replica by SQL, and calls that need no Redis do not fail', { timeout: 60_000 }, async () => {
    await using redisServer = await startRedisServer();
    await using a = await openFixtureServer({ redis: { mode: 'single', nodes: [redisServer.address], prefix: ownPrefix() } });
    await using b = await openFixtureServer({ shared: a });
    const [alice, bob] = [await signIn(a, registry, 'alice'), await signIn(a, registry, 'bob')];
    const stream = await openStream(b, alice.headers);
    for (const fail of [() => redisServer.kill(), () => redisServer.restart().then(redisServer.hang)]) {
      await fail();
      const { headers } = await signIn(b, registry, 'carol');
      assert.equal(await whoAmI(b, headers), 'ok');
      assert.equal((await signOut(a, headers)).code, 0);
      await until('B knows', async () => (await whoAmI(b, headers)) === 'SESSION_REVOKED');
      assert.equal(await whoAmI(b, bob.headers), 'ok');
    }
    await signOut(a, alice.headers);
    assert.equal((await stream.ended).reason, 'SESSION_REVOKED');
    const metrics = await pageOf(a.adminUrl, '/metrics');
    assert.ok(/^portico_store_failures_total\{.*portico_store_why="(connection|gone|timeout)"/m.test(metrics));
  });

  test('a replica that starts while Redis is gone becomes ready, says so, and is whole when Redis comes', { timeout: 60_000 }, async () => {
    await using redisServer = await startRedisServer();
    await redisServer.kill();
    await using server = await openFixtureServer({ redis: { mode: 'single', nodes: [redisServer.address], prefix: ownPrefix() } });
    assert.match(await readyz(server), /^ok\nwithout Redis since \d{4}-.*: Redis 127\.0\.0\.1:\d+ is unavailable: connect ECONNREFUSED/);
    assert.match(await pageOf(server.adminUrl, '/metrics'), /^portico_store_up(\{.*\})? 0/m);
    await redisServer.restart();
    await until('it is whole', async () => (await readyz(server)) === 'ok\n');
  });
});

async function readyz({ adminUrl }: { readonly adminUrl: string }): Promise<string> {
  return pageOf(adminUrl, '/readyz');
}
