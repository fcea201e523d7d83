// What is kept in SQL, on the embedded engine, which takes seconds to begin. `npm run test:thorough`
import { openDatabaseAccess } from '../../src/core/adapters/sql/database-access.ts';
import { sqlSessions } from '../../src/core/adapters/sql/sessions.ts';
import { sharedPglite } from '../support/postgres/shared-database.ts';
import { eraseCases, meanwhileCases } from '../user-data/erase-cases.ts';
import { pushContract } from './push.ts';
import { sessionsContract } from './sessions.ts';
import { sqlChatContracts } from './sql-chat.ts';
import { sqlPushHarness } from './sql-push.ts';

// One folder for all: the contracts name their users anew each time.
const open = sharedPglite();
sqlChatContracts('PGlite', async () => [await open(), await open()]);
pushContract('PGlite', async () => sqlPushHarness(await open()));
sessionsContract('PGlite', async () => ({
  sessions: sqlSessions(openDatabaseAccess((await open()).db).use),
  [Symbol.asyncDispose]: async () => {},
}));
eraseCases('PGlite', sharedPglite()); // it reads all rows that there are
meanwhileCases('PGlite', sharedPglite());
