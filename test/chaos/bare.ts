// Replicas that are a cache alone, on a real Redis: what a server has around it is left out, and safeguards can be taken out.
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Metadata } from 'nice-grpc-common';
import { memoryCacheStore } from '../../src/core/adapters/memory/cache-store.ts';
import { redisCacheStore } from '../../src/core/adapters/redis/cache-store.ts';
import { redisLeases } from '../../src/core/adapters/redis/leases.ts';
import { redisTagVersions } from '../../src/core/adapters/redis/tag-versions.ts';
import { decodedOf } from '../../src/core/cache/key/visible-inputs.ts';
import { openCache } from '../../src/core/cache/open-cache.ts';
import { Fault } from '../../src/core/kit/fault.ts';
import type { Handler } from '../../src/core/ports/call.ts';
import type { TagVersions } from '../../src/core/ports/tag-versions.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { GetItemResponse } from '../fixture/gen/fixture/v1/fixture.ts';
import { testCounts } from '../support/cache/counts.ts';
import { messageOf, planOf, readyCall } from '../support/cache/ready-call.ts';
import { openedRedis } from '../support/redis/opened-redis.ts';
import type { RedisPlace } from '../support/redis/redis.ts';
import type { Replica } from './load.ts';

/** What a safeguard is taken out of. */
export type Safeguards = { readonly versions: TagVersions; readonly generation: () => string | undefined };

/** Believes a Redis that lost its last writes, or has old ones back. */
export const withoutGeneration = (): Partial<Safeguards> => ({ generation: () => 'always the same' });
/** Does not ask whether what it remembers was invalidated. */
export const withoutVersionCheck = ({ versions }: Safeguards): Partial<Safeguards> => ({ versions: { ...versions, standing: () => 'current' } });
/** Takes an answer for fresh when nobody can tell. */
export const withoutDoubt = ({ versions }: Safeguards): Partial<Safeguards> => ({
  versions: {
    ...versions,
    standing: async (...asked) => {
      try {
        return await Promise.race([versions.standing(...asked), sleep(40, 'current' as const)]);
      } catch {
        return 'current';
      }
    },
  },
});

const plan = planOf('GetItem', { ttlMs: 30_000, staleWhileRevalidateMs: 0, staleIfErrorMs: 0 });

export type Bare = Disposable & { readonly replicas: readonly Replica[]; readonly change: (item: string, value: number) => void };

/** @param places one for each replica, in the order of their names */
export async function openBare(places: readonly RedisPlace[], without: (whole: Safeguards) => Partial<Safeguards> = () => ({})): Promise<Bare> {
  const truth = new Map<string, number>();
  const change = (item: string, value: number) => void truth.set(item, value);
  const compute: Handler = async (call) => {
    const { itemId } = decodedOf(call).message as unknown as { itemId: string };
    const revision = truth.get(itemId) ?? 0;
    await sleep(Math.random() * 3);
    return { metadata: Metadata(), body: GetItemResponse.encode(GetItemResponse.fromPartial({ revision })).finish(), trailers: Metadata() };
  };
  const connections = await Promise.all(places.map((place) => openedRedis(place)));
  const opened = connections.map((redis, i) => {
    const whole: Safeguards = { versions: redisTagVersions({ redis }), generation: redis.generation };
    const counts = testCounts();
    const cache = openCache({
      store: memoryCacheStore({ bytesMax: 10_000_000 }),
      shared: { store: redisCacheStore({ redis, clock: systemClock }), leases: redisLeases({ redis, token: randomUUID }) },
      ...whole,
      ...without(whole),
      clock: systemClock,
      random: Math.random,
      counts,
      locales: ['en'],
      keepMs: 60_000,
    });
    const replica: Replica = {
      name: `bare ${i}`,
      read: async (itemId) => {
        const answer = await cache.answer(readyCall(plan, { user: 'ada', request: { itemId } }), compute);
        const fresh = answer.metadata.get('portico-stale') === undefined;
        return { value: messageOf(plan, answer).revision as number, fresh, result: String(answer.metadata.get('portico-cache')) };
      },
      write: async (item, value) => {
        change(item, value);
        await cache.invalidateWritten([`item:${item}`]);
      },
      invalidate: async (item) => {
        try {
          await cache.invalidate([`item:${item}`]);
          return true;
        } catch (error) {
          if (error instanceof Fault && error.reason === 'STORE_DOWN') return false;
          throw error;
        }
      },
      pending: async () => counts.pending.now > 0,
    };
    return { replica, close: cache.close };
  });
  return {
    replicas: opened.map(({ replica }) => replica),
    change,
    [Symbol.dispose]: () => {
      for (const { close } of opened) close();
      for (const redis of connections) redis.close();
    },
  };
}
