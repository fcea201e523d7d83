// Writes sessions into the embedded database of a folder for ever, and prints the id of each that was acknowledged: to be killed in the midst of it.
import { randomUUID } from 'node:crypto';
import { writeSync } from 'node:fs';
import { resolve } from 'node:path';
import { openDatabaseAccess } from '../../src/core/adapters/sql/database-access.ts';
import { migrate, readMigrations } from '../../src/core/adapters/sql/migrate.ts';
import { openSql } from '../../src/core/adapters/sql/postgres-or-pglite.ts';
import { sqlSessions } from '../../src/core/adapters/sql/sessions.ts';
import { quietLog } from '../support/log.ts';

const sql = await openSql({ folder: String(process.argv[2]) }, quietLog);
await migrate(sql.db, readMigrations(resolve(import.meta.dirname, '../../migrations')));
const sessions = sqlSessions(openDatabaseAccess(sql.db).use);
for (;;) {
  const id = randomUUID();
  const nowMs = Date.now();
  await sessions.create({
    id,
    userId: 'ann',
    device: { platform: 'ios', name: 'phone', installationId: 'i-1' },
    scopes: [],
    claims: {},
    signedInAtMs: nowMs,
    lastSeenAtMs: nowMs,
    generation: 0,
    refreshHash: Buffer.alloc(32, 1),
    advancedAtMs: nowMs,
    repeats: { generation: 0, inARow: 0 },
    revokedAtMs: undefined,
  });
  writeSync(1, `${id}\n`);
}
