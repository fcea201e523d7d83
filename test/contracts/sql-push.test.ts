import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after } from 'node:test';
import { sql } from 'kysely';
import { sqlChat } from '../../src/core/adapters/sql/chat/chat-store.ts';
import { openDatabaseAccess } from '../../src/core/adapters/sql/database-access.ts';
import { migrate, readMigrations } from '../../src/core/adapters/sql/migrate.ts';
import { openSql, type Sql } from '../../src/core/adapters/sql/open-sql.ts';
import { sqlPushQueue } from '../../src/core/adapters/sql/push/push-queue.ts';
import { sqlPushTokens } from '../../src/core/adapters/sql/push/push-tokens.ts';
import { sqlSessions } from '../../src/core/adapters/sql/sessions.ts';
import { quietLog } from '../support/log.ts';
import { createMigratedDatabase } from '../support/postgres/postgres.ts';
import { pushContract } from './push.ts';
import type { PushHarness } from './push-harness.ts';

const hour = 3_600_000;

async function harness({ db }: Sql): Promise<PushHarness> {
  const { use } = openDatabaseAccess(db);
  // what other cases have left is not due in this one
  await sql`TRUNCATE chat_outbox, push_queue, push_notices, push_tokens, push_shown`.execute(db);
  return {
    chat: sqlChat(use, { pushAfterMs: 0 }),
    sessions: sqlSessions(use),
    tokens: sqlPushTokens(use),
    queue: sqlPushQueue(use, { life: { idleMs: hour, absoluteMs: hour }, expireMs: hour }),
    block: async (userId, blockedId) => {
      await sql`INSERT INTO chat_blocks VALUES (${userId}, ${blockedId})`.execute(db);
    },
    elapse: async () => {
      await sql`UPDATE push_queue SET due_at = now()`.execute(db);
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

let real: Promise<{ sql: Sql; drop(): Promise<void> }> | undefined;
async function openReal() {
  const { url, drop } = await createMigratedDatabase();
  return { sql: await openSql({ url }, quietLog), drop };
}
pushContract('PostgreSQL', async () => {
  real ??= openReal();
  return harness((await real).sql);
});

const folder = mkdtempSync(join(tmpdir(), 'portico-pglite-'));
let embedded: Promise<Sql> | undefined;
async function openEmbedded(): Promise<Sql> {
  const opened = await openSql({ folder }, quietLog);
  await migrate(opened.db, readMigrations(resolve(import.meta.dirname, '../../migrations')));
  return opened;
}
pushContract('PGlite', async () => {
  embedded ??= openEmbedded();
  return harness(await embedded);
});

after(async () => {
  const { sql: opened, drop } = (await real) ?? {};
  await opened?.close();
  await drop?.();
  await (await embedded)?.close();
  rmSync(folder, { recursive: true, force: true });
});
