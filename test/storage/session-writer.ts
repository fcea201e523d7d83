// Writes sessions into the embedded database of a folder for ever, and prints the id of each that was acknowledged: to be killed in the midst of it.
import { writeSync } from 'node:fs';
import { resolve } from 'node:path';
import { openDatabaseAccess } from '../../src/core/adapters/sql/database-access.ts';
import { migrate, readMigrations } from '../../src/core/adapters/sql/migrate.ts';
import { openSql } from '../../src/core/adapters/sql/postgres-or-pglite.ts';
import { sqlSessions } from '../../src/core/adapters/sql/sessions.ts';
import { quietLog } from '../support/log.ts';
import { newSession } from '../support/token/new-session.ts';

const sql = await openSql({ folder: String(process.argv[2]) }, quietLog);
await migrate(sql.db, readMigrations(resolve(import.meta.dirname, '../../migrations')));
const sessions = sqlSessions(openDatabaseAccess(sql.db).use);
for (;;) {
  const session = newSession('ann', Date.now(), { device: { platform: 'ios', name: 'phone', installationId: 'i-1' } });
  await sessions.create(session);
  writeSync(1, `${session.id}\n`);
}
