// What a sync token costs: no more of a conversation is read than its client may get, however long it was away.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { type Kysely, sql } from 'kysely';
import { readSince, readSyncPoint } from '../../src/core/adapters/sql/chat/changes-since.ts';
import type { Database } from '../../src/core/adapters/sql/database-tables.ts';
import { openSql } from '../../src/core/adapters/sql/postgres-or-pglite.ts';
import type { SyncPoint } from '../../src/core/ports/chat.ts';
import { quietLog } from '../support/log.ts';
import { createMigratedDatabase } from '../support/postgres/postgres.ts';
import { until } from '../support/time/until.ts';

const [gapMax, events] = [1_000, 30_000];

test('a token reads as many events as came since, and never more than the bound', async () => {
  const { url, drop } = await createMigratedDatabase();
  const { db, close } = await openSql({ url }, quietLog);
  const id = randomUUID();
  const point = async () => {
    // a transaction of another test that began before the last change would make the change look new: tokens are careful
    await until('whoever ran meanwhile has ended', async () => {
      const changes = sql<{ old: boolean }>`SELECT xid < pg_snapshot_xmin(pg_current_snapshot()) AS old FROM chat_conversations`;
      return (await changes.execute(db)).rows.every(({ old }) => old);
    });
    return (await readSyncPoint(db, 'ann')) as SyncPoint;
  };
  const add = async (from: number, to: number) => {
    await sql`INSERT INTO chat_events (conversation_id, seq, event_id, kind, number, sender_kind, sender_id, text, sent_at)
      SELECT ${id}::uuid, n, gen_random_uuid(), 'message', n, 'user', 'ann', 'x', now() FROM generate_series(${sql.lit(from)}, ${sql.lit(to)}) AS n`.execute(
      db,
    );
    await sql`UPDATE chat_conversations SET last_seq = ${to}, last_number = ${to}, xid = pg_current_xact_id() WHERE id = ${id}`.execute(db);
  };
  /** Of tables and indexes of events: entries that this connection has read. */
  const readBy = async (tx: Kysely<Database>) => {
    const { rows } = await sql<{ read: string }>`
      SELECT sum(pg_stat_get_xact_tuples_returned(oid)) AS read FROM pg_class WHERE relname LIKE 'chat_events%'`.execute(tx);
    return Number(rows[0]?.read);
  };
  const since = (from: SyncPoint) =>
    db.transaction().execute(async (tx) => {
      const before = await readBy(tx);
      const known = await readSince(tx, 'ann', from, { gapMax });
      return { seq: known?.get(id), read: (await readBy(tx)) - before };
    });
  await sql`INSERT INTO chat_users VALUES ('ann')`.execute(db);
  await sql`INSERT INTO chat_conversations (id, kind, created_by, created_key, created_hash) VALUES (${id}, 'group', 'ann', '1', '')`.execute(db);
  await sql`INSERT INTO chat_members (conversation_id, user_id, role) VALUES (${id}, 'ann', 'owner')`.execute(db);
  const start = await point();
  await add(1, events - 5);
  await sql`ANALYZE`.execute(db);
  const late = await point();
  await add(events - 4, events);
  const end = await point();
  const [far, near, none] = [await since(start), await since(late), await since(end)];
  assert.deepEqual([near.seq, none.seq], [events - 5, events]);
  assert.ok((far.seq ?? events) < events - gapMax, `${far.seq} is before all that the client gets`);
  assert.ok(far.read <= 2 * (gapMax + 1), `${far.read} of ${events} were read`);
  assert.ok(near.read <= 20, `${near.read} were read for 5`);
  assert.ok(none.read <= 20, `${none.read} were read for none`);
  await close();
  await drop();
});
