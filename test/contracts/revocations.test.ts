import { memoryRevocations } from '../../src/core/adapters/memory/revocations.ts';
import { broadcastRevocations } from '../../src/core/services/session/revocation-broadcast.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { quietLog } from '../support/log.ts';
import { openBus } from '../support/redis/open-bus.ts';
import { type RedisPlace, sharedCluster, sharedRedis } from '../support/redis/redis.ts';
import { fakeClock } from '../support/time/clock.ts';
import { until } from '../support/time/until.ts';
import { revocationsContract } from './revocations.ts';

revocationsContract('memory', async () => {
  const clock = fakeClock();
  const one = memoryRevocations(clock);
  return { a: one, b: one, elapse: clock.advance, [Symbol.asyncDispose]: async () => {} };
});

async function openReplica(place: RedisPlace) {
  const on = await openBus(place);
  const revocations = broadcastRevocations({
    local: memoryRevocations(systemClock),
    bus: on.bus,
    clock: systemClock,
    log: quietLog,
    ttlMaxMs: 60_000,
  });
  await until('its news are whole', revocations.isWhole);
  const close = () => {
    revocations.close();
    on.close();
  };
  return { revocations, close };
}

const onRedis = (shared: () => Promise<RedisPlace>) => async () => {
  const place = await shared();
  const [a, b] = await Promise.all([openReplica(place), openReplica(place)]);
  return {
    a: a.revocations,
    b: b.revocations,
    elapse: (ms: number) => new Promise<void>((later) => setTimeout(later, ms)),
    [Symbol.asyncDispose]: async () => {
      a.close();
      b.close();
    },
  };
};
revocationsContract('two replicas on a single Redis', onRedis(sharedRedis));
revocationsContract('two replicas on a Redis Cluster', onRedis(sharedCluster));
