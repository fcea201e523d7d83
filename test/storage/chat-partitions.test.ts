// Partitions of chat events: without somebody who prepares them, the events of a later month fall into a common one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sql } from 'kysely';
import { startPreparingPartitions } from '../../src/core/adapters/sql/chat/prepare-partitions.ts';
import { openDatabaseAccess } from '../../src/core/adapters/sql/database-access.ts';
import { openSql } from '../../src/core/adapters/sql/postgres-or-pglite.ts';
import { quietLog } from '../support/log.ts';
import { createMigratedDatabase } from '../support/postgres/postgres.ts';
import { fakeClock } from '../support/time/clock.ts';
import { until } from '../support/time/until.ts';

test('a partition that a coming month lacks is made soon after the start, and again on a later day', async () => {
  const database = await createMigratedDatabase();
  const { db, close } = await openSql({ url: database.url, connectionsMax: 1 }, quietLog);
  const clock = fakeClock();
  const stop = startPreparingPartitions(openDatabaseAccess(db).use, { clock, log: quietLog });
  const names = async () => {
    const { rows } = await sql<{ name: string }>`
      SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'chat_events'::regclass ORDER BY 1`.execute(db);
    return rows.map(({ name }) => name);
  };
  try {
    const all = await names();
    const last = all.filter((name) => /\d{4}_\d{2}$/.test(name)).at(-1) ?? '';
    for (const afterMs of [5_000, 86_400_000]) {
      await sql`DROP TABLE ${sql.table(last)}`.execute(db);
      assert.notDeepEqual(await names(), all);
      await clock.advance(afterMs);
      await until('it is there again', async () => (await names()).length === all.length);
      assert.deepEqual(await names(), all);
    }
  } finally {
    stop();
    await close();
    await database.drop();
  }
});
