// A replica that dies in the middle of an erasure: another one goes on, wherever that was.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { openDatabaseAccess, type UseDatabase } from '../../src/core/adapters/sql/database-access.ts';
import { sqlErasures } from '../../src/core/adapters/sql/user-data/erasures.ts';
import { computation } from '../cache/open.ts';
import { planOf, readyCall } from '../support/cache/ready-call.ts';
import { sharedPostgres } from '../support/postgres/shared-database.ts';
import { sharedRedis } from '../support/redis/redis.ts';
import { until } from '../support/time/until.ts';
import { liveInSql, openMarks } from '../support/user-data/life-in-sql.ts';
import { marksInDatabase } from '../support/user-data/search-database.ts';
import { marksInRedis } from '../support/user-data/search-redis.ts';
import { openReplica } from './replica-with-answers.ts';

const openPostgres = sharedPostgres();

// uses of the database: accepting, a step, the middle of the conversations, the cache, and both rests
for (const [when, uses] of [
  ['at once', 1],
  ['after a step', 3],
  ['in the middle', 25],
  ['in its first rest', 'first_pass_at'],
  ['in its second rest', 'second_pass_at'],
] as const)
  test(`a replica that dies ${when} is followed by another one`, async () => {
    const [{ db }] = await openPostgres();
    const { use } = openDatabaseAccess(db);
    const place = await sharedRedis();
    const marks = openMarks();
    const { userId } = await liveInSql(use, db, marks);
    const [requestId, killed] = [randomUUID(), new Error('killed')];
    const erasures = sqlErasures(use);
    let count = 0;
    let isDead = false;
    const dying: UseDatabase = async (work) => {
      isDead ||= typeof uses === 'number' && count >= uses;
      if (isDead) throw killed;
      count++;
      return use(work);
    };
    await using survivor = await openReplica(place, use, { abandonedMs: 300, secondPassAfterMs: 200 });
    {
      const [secondPassAfterMs, everyMs] = uses === 'first_pass_at' ? [3_600_000, 50] : [0, 60_000];
      await using other = await openReplica(place, dying, { secondPassAfterMs, everyMs });
      await other.cache.answer(readyCall(planOf('GetItem'), { user: userId, request: { itemId: 'i' } }), computation());
      const asking = other.ask(userId, requestId).catch((error: unknown) => assert.equal(error, killed));
      if (typeof uses === 'number') await until('it is dead', () => isDead);
      else await asking;
      isDead = true;
    }
    const id = await erasures.accept(userId, requestId);
    await until('the other one has ended it', async () => (await erasures.report(id)).doneAtMs !== undefined);
    assert.deepEqual([...(await marksInDatabase(db, marks.all)), ...(await marksInRedis(place, marks.all))], []);
    assert.deepEqual((await erasures.report(id)).parts.chat, {
      blocks: 2,
      clientIds: 21,
      conversations: 1,
      memberships: 4,
      messages: 4,
      reactions: 4,
    });
    assert.ok(!survivor.inMemory().some((line) => line.includes(userId)));
  });
