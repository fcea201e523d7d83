// Error replies of every kind on the way of a call: reads go on without Redis, writes are answered, and nothing stays broken.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Redis } from '../../src/core/adapters/redis/connection/open-redis.ts';
import { redisScript } from '../../src/core/adapters/redis/connection/redis-script.ts';
import { Fault } from '../../src/core/kit/fault.ts';
import { openedRedis } from '../support/redis/opened-redis.ts';
import { startRedisServer } from '../support/redis/redis.ts';
import { until } from '../support/time/until.ts';
import { cameBy, computation } from './open.ts';
import { placeOf, redisReplica } from './redis-replica.ts';

const replies =
  `LOADING Redis is loading the dataset in memory|READONLY You can't write against a read only replica|MASTERDOWN Link with MASTER is down
NOREPLICAS Not enough good replicas to write|MISCONF Redis is configured to save RDB snapshots|OOM command not allowed when used memory > 'maxmemory'
BUSY Redis is busy running a script|CLUSTERDOWN The cluster is down|TRYAGAIN Multiple keys request during rehashing of slot|NOPERM this user has no permissions
NOAUTH Authentication required|WRONGPASS invalid username-password pair|NOSCRIPT No matching script|MOVED 3999 127.0.0.1:1|MOVED 3999 |ASK 3999 127.0.0.1:1|MOVED
UNBLOCKED force unblock|WRONGTYPE Operation against a key|ERR unknown command|ERR max number of clients reached|EXECABORT Transaction discarded|NOSUCHWORD|ERR`.split(
    /[|\n]/,
  );

/** A connection whose scripts answer with `state.reply`, as the server gives it. */
function refusing(redis: Redis): { readonly redis: Redis; readonly state: { reply: string | undefined } } {
  const state: { reply: string | undefined } = { reply: undefined };
  const run: Redis['run'] = (script, keys, words) =>
    state.reply === undefined
      ? redis.run(script, keys, words)
      : redis.run(redisScript(`return redis.error_reply(${JSON.stringify(state.reply)})`), keys);
  return { redis: { ...redis, run }, state };
}

test('error replies to versions, leases and answers', async () => {
  await using server = await startRedisServer();
  const connection = await openedRedis(placeOf(server.address));
  const { redis, state } = refusing(connection);
  const { cache, read, counts } = redisReplica(redis, { waitMs: 10_000 });
  try {
    for (const reply of replies) {
      const compute = computation();
      const isStored = async () => cameBy(await read(compute)).startsWith('hit');
      await until('an answer is stored', isStored);
      state.reply = reply;
      assert.match(cameBy(await read(compute)), /^stale /, reply);
      assert.match(cameBy(await read(compute, 'another')), /^miss /, reply);
      await assert.rejects(cache.invalidate(['other:1']), (error) => error instanceof Fault && error.reason === 'STORE_DOWN', reply);
      await cache.invalidateWritten([`written:${reply}`]);
      state.reply = undefined;
    }
    await until('all writes were sent', () => counts.pending.now === 0);
  } finally {
    connection.close();
    cache.close();
  }
});
