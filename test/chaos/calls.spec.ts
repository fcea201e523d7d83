import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { callOf, registryOf, signIn, transportOf } from '../support/client/protocols.ts';
import { ownPrefix, type RedisServer, startRedisCluster, startRedisServer } from '../support/redis/redis.ts';
import { type FixtureServer, openFixtureServer } from '../support/server/fixture-server.ts';
import { fixtureRelease } from '../support/server/test-server.ts';
import { until } from '../support/time/until.ts';
import { excusedMs, watchStalls } from './load.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
const callers = 8;

/** Calls screens at both servers all the time, remembered ones and others. @returns what was not answered, when it is told to stop */
async function load(servers: readonly FixtureServer[], headers: { readonly authorization: string }) {
  const failed: string[] = [];
  let answered = 0;
  let going = true;
  const stalls = watchStalls();
  const caller = async (n: number) => {
    const server = servers[n % servers.length] as FixtureServer;
    const transport = transportOf('grpc h2', server);
    for (let i = 0; going; i++) {
      const beganAtMs = performance.now();
      const item = { itemId: `i${(n + i) % 20}` };
      const { code, message } = await (i % 4 === 0
        ? callOf(registry, transport, 'fixture.v1.ScreenService/WhoAmI', {}, { headers })
        : callOf(registry, transport, 'fixture.v1.ScreenService/GetItem', item, { headers }));
      if (code === 0) answered++;
      else if (stalls.since(beganAtMs) <= excusedMs) failed.push(`${code} ${message}`);
      await sleep(5);
    }
  };
  const running = Array.from({ length: callers }, (_, n) => caller(n));
  return {
    answered: () => answered,
    stop: async () => {
      going = false;
      await Promise.all(running);
      stalls.stop();
      return failed;
    },
  };
}

const readyz = async ({ adminUrl }: FixtureServer) => (await fetch(`${adminUrl}/readyz`)).text();
const goesOn = async (calls: { answered(): number }) => {
  const before = calls.answered();
  await until('calls go on', () => calls.answered() > before + 100);
};

// Each has servers of its own, and waits for them most of the time.
describe('two replicas under load', { concurrency: 2 }, () => {
  test('Redis killed, restarted empty, hanging and out of memory under load: no call fails, and replicas recover without a restart', {
    timeout: 240_000,
  }, async () => {
    await using redisServer = await startRedisServer();
    await using a = await openFixtureServer({ redis: { mode: 'single', nodes: [redisServer.address], prefix: ownPrefix() } });
    await using b = await openFixtureServer({ shared: a });
    const { headers } = await signIn(a, registry, 'alice');
    const calls = await load([a, b], headers);
    const faults: readonly [what: string, begin: () => unknown, end: () => unknown][] = [
      ['killed', () => redisServer.kill(), () => redisServer.restart()],
      ['hanging', () => redisServer.hang(), () => redisServer.continue()],
      ['full', () => full(redisServer, true), () => full(redisServer, false)],
    ];
    for (const [what, begin, end] of faults) {
      await goesOn(calls);
      await begin();
      await goesOn(calls);
      await goesOn(calls);
      if (what !== 'full')
        for (const server of [a, b]) await until(`${what}: it is said`, async () => (await readyz(server)).startsWith('ok\nwithout Redis'));
      await end();
      for (const server of [a, b]) await until(`${what}: it is over`, async () => (await readyz(server)) === 'ok\n', 20_000);
    }
    await goesOn(calls);
    assert.deepEqual(await calls.stop(), []);
  });

  test('slots of a Cluster moved, and a node of it killed, under load: no call fails', { timeout: 240_000 }, async () => {
    await using cluster = await startRedisCluster();
    await using a = await openFixtureServer({ redis: { mode: 'cluster', nodes: cluster.addresses, prefix: ownPrefix() } });
    await using b = await openFixtureServer({ shared: a });
    const { headers } = await signIn(a, registry, 'alice');
    const calls = await load([a, b], headers);
    for (let i = 0; i < 20; i++) {
      const owner = await cluster.ownerOf(`k${i}`);
      await cluster.moveSlotOf(`k${i}`, cluster.nodes.find((node) => node !== owner) as RedisServer);
    }
    await goesOn(calls);
    await cluster.nodes[0]?.kill();
    await goesOn(calls);
    await goesOn(calls);
    for (const server of [a, b]) assert.match(await readyz(server), /^ok\nwithout Redis/);
    assert.deepEqual(await calls.stop(), []);
  });
});

const full = (redisServer: RedisServer, isFull: boolean) => redisServer.command('CONFIG', 'SET', 'maxmemory', isFull ? 1_000_000 : 0);
