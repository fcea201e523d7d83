import { sharedPostgres } from '../support/postgres/shared-database.ts';
import { pushContract } from './push.ts';
import { sqlPushHarness } from './sql-push.ts';

const open = sharedPostgres();
pushContract('PostgreSQL', async () => sqlPushHarness((await open())[0]));
