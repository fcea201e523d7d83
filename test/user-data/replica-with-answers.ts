// What a replica has of users besides SQL, without a server: its cache, and what erases there.
import { randomUUID } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { metrics } from '@opentelemetry/api';
import { dropAnswers } from '../../src/core/adapters/memory/answers-of-users.ts';
import { memoryBus } from '../../src/core/adapters/memory/bus.ts';
import { memoryCache } from '../../src/core/adapters/memory/cache-store.ts';
import { redisCache } from '../../src/core/adapters/redis/cache-store.ts';
import { redisCopiesOfUsers } from '../../src/core/adapters/redis/copies-of-users.ts';
import type { UseDatabase } from '../../src/core/adapters/sql/database-access.ts';
import { sqlErasures } from '../../src/core/adapters/sql/user-data/erasures.ts';
import { openCache } from '../../src/core/cache/open-cache.ts';
import type { ErasureReport } from '../../src/core/ports/user-data.ts';
import { openErasing } from '../../src/core/services/user-data/erase-users.ts';
import { forgetErasedUsers } from '../../src/core/services/user-data/forget-erased-users.ts';
import { ownOfUsers } from '../../src/core/services/user-data/scopes-and-topics.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { userDataParts } from '../../src/wire/user-data.ts';
import { testCounts } from '../support/cache/counts.ts';
import { quietLog } from '../support/log.ts';
import { lossyBus } from '../support/lossy-bus.ts';
import { openBus } from '../support/redis/open-bus.ts';
import type { RedisPlace } from '../support/redis/redis.ts';

/** Of tokens that name the users. */
export const issuers = ['portico', `https://id.example.com/${'x'.repeat(200)}`];

const [issuer = '', other = ''] = issuers;
const own = ownOfUsers({ auth: { issuer, externalIssuers: [{ issuer: other }] }, live: { namespaces: {} } });
const bounds = { bytesMax: 50_000_000, clock: systemClock, ...own };

/** @param place undefined: in memory, for one replica only */
async function storesOn(place: RedisPlace | undefined) {
  if (place === undefined) return { stores: memoryCache(bounds), bus: memoryBus(quietLog), close: () => {} };
  const { redis, bus, close } = await openBus(place);
  const stores = redisCache({ ...bounds, redis, bodies: redis, token: randomUUID });
  return { stores: { ...stores, ofUsers: redisCopiesOfUsers({ redis, bodies: redis }, own).cache }, bus, close };
}

export type Replica = Awaited<ReturnType<typeof openReplica>>;

/** @param use the database of erasures */
export async function openReplica(
  place: RedisPlace | undefined,
  use: UseDatabase,
  { secondPassAfterMs = 0, everyMs = 50, abandonedMs = 30_000 } = {},
) {
  const { stores, bus: whole, close: closeStores } = await storesOn(place);
  const bus = lossyBus(whole);
  const cache = openCache({
    ...stores,
    clock: systemClock,
    random: () => 0.5,
    counts: testCounts(),
    locales: ['en', 'de'],
    waitMs: 60_000, // a busy machine is no outage
  });
  const forget = async (userIds: readonly string[]) => void (await dropAnswers(stores.store, userIds, own));
  const stop = forgetErasedUsers({ bus, forget, log: quietLog });
  const parts = userDataParts({ use, announcements: { announce: () => {} }, onEnded: async () => {}, copies: { cache: stores.ofUsers }, bus });
  const erasing = openErasing({
    erasures: sqlErasures(use),
    parts,
    secondPassAfterMs,
    forget,
    hasReplicas: place !== undefined,
    everyMs,
    abandonedMs,
    opened: Promise.resolve(),
    clock: systemClock,
    log: quietLog,
    meter: metrics.getMeter('test'),
  });
  const ask = (userId: string, requestId: string) => erasing.erase(userId, { requestId, waitMs: 20_000, signal: new AbortController().signal });
  return {
    cache,
    answers: stores.ofUsers,
    bus,
    /** All that is in the memory of its cache, an answer a line. */
    inMemory: () =>
      stores.store.keys().map((key) => {
        const { scope, tags, body } = stores.store.peek(key) ?? { scope: '', tags: [], body: new Uint8Array() };
        return [key, scope, ...tags, Buffer.from(body).toString()].join(' ');
      }),
    /** Until the first pass is done. */
    ask,
    erase: async (userId: string, requestId: string = randomUUID()): Promise<ErasureReport> => {
      for (;;) {
        const report = await ask(userId, requestId);
        if (report.doneAtMs !== undefined) return report;
        await setTimeout(10);
      }
    },
    [Symbol.asyncDispose]: async () => {
      stop();
      await erasing.close();
      cache.close();
      closeStores();
    },
  };
}
