// A user's own topics: what an export has of them, and what an erasure leaves.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { memoryBus } from '../../src/core/adapters/memory/bus.ts';
import { memoryTopicLog } from '../../src/core/adapters/memory/topic-log.ts';
import { memoryTopicsOfUsers } from '../../src/core/adapters/memory/topics-of-users.ts';
import { redisTopicsOfUsers } from '../../src/core/adapters/redis/topics-of-users.ts';
import type { TopicLog, TopicPosition } from '../../src/core/ports/topic-log.ts';
import type { CopiesOfUsers } from '../../src/core/ports/user-data.ts';
import { ownOfUsers } from '../../src/core/services/user-data/scopes-and-topics.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { quietLog } from '../support/log.ts';
import { openTopicLog, randomId } from '../support/redis/open-topic-log.ts';
import { type RedisPlace, sharedCluster, sharedRedis } from '../support/redis/redis.ts';
import { linesOfRedis } from '../support/user-data/search-redis.ts';

type Opened = { readonly log: TopicLog; readonly copies: CopiesOfUsers; readonly place?: RedisPlace; readonly close: () => void };

const namespaces = { user: { listen: 'owner' }, mail: { listen: 'owner' }, room: { listen: 'users' } };
const own = ownOfUsers({ auth: { issuer: 'portico', externalIssuers: [] }, live: { namespaces } });

const inMemory = async (): Promise<Opened> => {
  const log = memoryTopicLog({ clock: systemClock, bus: memoryBus(quietLog), randomId });
  return { log, copies: memoryTopicsOfUsers(log, own), close: () => {} };
};
const onRedis = async (shared: () => Promise<RedisPlace>): Promise<Opened> => {
  const place = await shared();
  const { log, redis, close } = await openTopicLog(place);
  return { log, copies: redisTopicsOfUsers(redis, own), place, close };
};

for (const [name, open] of [
  ['memory', inMemory],
  ['one Redis', () => onRedis(sharedRedis)],
  ['a Redis Cluster', () => onRedis(sharedCluster)],
] as const)
  test(`${name}: a user's own topics are exported event by event, and erased; who resumes there learns it, and nobody elsewhere`, async () => {
    const { log, copies, place, close } = await open();
    try {
      const [user, other] = [`user-${randomUUID()}`, `other-${randomUUID()}`];
      const texts = Array.from({ length: 250 }, (_, i) => `event ${i}`);
      const ends = new Map<string, TopicPosition>();
      const publish = async (topic: string) => {
        for (let i = 0; i < texts.length; i += 50) {
          const events = texts.slice(i, i + 50).map((text) => ({ payload: Buffer.from(text), key: text.endsWith('7') ? text : '' }));
          ends.set(topic, (await log.publish(topic, events, { size: 1_000, ageMs: 600_000 })).at(-1)?.position as TopicPosition);
        }
      };
      for (const topic of [`user:${user}`, `mail:${user}`, `user:${other}`, `room:${user}`]) await publish(topic);

      const exported: string[] = [];
      for await (const { kind, data } of copies.read(user, AbortSignal.timeout(60_000)))
        exported.push(`${kind} ${data.topic} ${Buffer.from(String(data.payload), 'base64')} ${data.key}`);
      const expected = [`user:${user}`, `mail:${user}`].flatMap((topic) =>
        texts.map((text) => `event ${topic} ${text} ${text.endsWith('7') ? text : ''}`),
      );
      assert.deepEqual(exported, expected);

      const { erased, isDone } = await copies.forget(user, undefined);
      assert.deepEqual([erased, isDone], [{ events: 500 }, true]);
      assert.deepEqual((await copies.forget(user, undefined)).erased, { events: 0 });
      for (const [topic, end] of ends) {
        const gone = topic === `user:${user}` || topic === `mail:${user}`;
        if (gone && place !== undefined) assert.ok(!(await linesOfRedis(place)).some((line) => line.includes(topic)), topic);
        const page = await log.read(topic, end, { eventsMax: 1, bytesMax: 100 });
        assert.deepEqual([topic, page.recovered ? page.events : page.why], [topic, gone ? 'epoch' : []]);
      }
    } finally {
      close();
    }
  });
