import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { redisPresence } from '../../src/core/adapters/redis/presence-store.ts';
import { StoreDown } from '../../src/core/kit/store-down.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { quietLog } from '../support/log.ts';
import { openTopicLog, randomId } from '../support/redis/open-topic-log.ts';
import { ownPrefix, startRedisServer } from '../support/redis/redis.ts';
import { slowClock } from '../support/time/slow-clock.ts';
import { until } from '../support/time/until.ts';

const limits = { listMax: 20, leaveAfterMs: 0 };

describe('presence on Redis', { concurrency: 2 }, () => {
  test('nothing fails without Redis, and all are there again at once when it is back', { timeout: 60_000 }, async () => {
    await using server = await startRedisServer();
    using one = await openTopicLog({ mode: 'single', nodes: [server.address], prefix: ownPrefix() });
    const presence = redisPresence({ redis: one.redis, clock: systemClock, log: quietLog, replica: randomId(), randomId });
    try {
      const ada = await presence.join('t', 'ada', limits);
      await presence.join('t', 'bob', limits);
      await server.kill();
      await until('it is noticed', () => !one.redis.state().up);
      void ada.leave();
      await presence.join('t', 'eve', limits);
      await assert.rejects(presence.state('t'), StoreDown);
      await server.restart();
      const users = async () => (await presence.state('t').catch(() => undefined))?.users ?? [];
      // in far less time than the usual repetition
      await until('those who are here now are present', async () => [...(await users())].sort().join() === 'bob,eve', 20_000);
    } finally {
      presence.close();
    }
  });

  test('a thousand who join at once cost a few steps', { timeout: 60_000 }, async () => {
    await using server = await startRedisServer();
    using one = await openTopicLog({ mode: 'single', nodes: [server.address], prefix: ownPrefix() }, slowClock);
    let steps = 0;
    const counted: typeof one.redis = {
      ...one.redis,
      run: (...words) => {
        steps++;
        return one.redis.run(...words);
      },
    };
    const presence = redisPresence({ redis: counted, clock: systemClock, log: quietLog, replica: randomId(), randomId });
    try {
      await Promise.all(Array.from({ length: 1_000 }, (_, i) => presence.join('t', `user ${i}`, limits)));
      assert.ok(steps <= 4, `${steps} steps`);
      const { count, position } = await presence.state('t');
      assert.equal(count, 1_000);
      assert.ok(position.offset <= 3, `${position.offset} changes`);
    } finally {
      presence.close();
    }
  });
});
