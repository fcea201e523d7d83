import { openDatabaseAccess } from '../../src/core/adapters/sql/database-access.ts';
import { openSql } from '../../src/core/adapters/sql/postgres-or-pglite.ts';
import { sqlSessions } from '../../src/core/adapters/sql/sessions.ts';
import { quietLog } from '../support/log.ts';
import { createMigratedDatabase } from '../support/postgres/postgres.ts';
import { sessionsContract } from './sessions.ts';

sessionsContract('PostgreSQL', async () => {
  const { url, drop } = await createMigratedDatabase();
  const sql = await openSql({ url }, quietLog);
  return {
    sessions: sqlSessions(openDatabaseAccess(sql.db).use),
    [Symbol.asyncDispose]: async () => {
      await sql.close();
      await drop();
    },
  };
});
