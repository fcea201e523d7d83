// Everything in random order at two replicas on a real Redis: once quiet, hub, bus and presence agree, and nothing is
// left. LIVE_SEED=7 begins alike; real servers repeat no history wholly.
import { randomInt } from 'node:crypto';
import { test } from 'node:test';
import { ownPrefix, startRedisServer } from '../support/redis/redis.ts';
import { openLiveServer } from '../support/server/live-server.ts';
import { hammer } from './hammer.ts';

const firstSeed = Number(process.env.LIVE_SEED ?? randomInt(1_000_000));
const rounds = Number(process.env.LIVE_ROUNDS ?? 2);

test(`${rounds} rounds of everything at two replicas leave nothing behind`, { timeout: 60_000 * (1 + rounds) }, async (context) => {
  context.diagnostic(`LIVE_SEED=${firstSeed}`);
  await using redis = await startRedisServer({ config: ['maxmemory-policy noeviction'] });
  await using a = await openLiveServer({ redis: { mode: 'single', nodes: [redis.address], prefix: ownPrefix() } });
  await using b = await openLiveServer({ shared: a });
  const refuse = (isRefused: boolean) => {
    for (const { fixture } of [a, b]) fixture.switches.titleFailCode = isRefused ? 7 : 0;
  };
  for (let seed = firstSeed; seed < firstSeed + rounds; seed++) await hammer({ servers: [a, b], refuse, seed, steps: 300 });
});
