// `npm run test:thorough`
import { sharedPostgres } from '../support/postgres/shared-database.ts';
import { killedCases } from './erase-cases.ts';

const openPostgres = sharedPostgres();
killedCases('PostgreSQL', async () => (await openPostgres())[0]);
