import { sharedPostgres } from '../support/postgres/shared-database.ts';
import { eraseCases, meanwhileCases } from './erase-cases.ts';

const openPostgres = sharedPostgres();
eraseCases('PostgreSQL', async () => (await openPostgres())[0]);
meanwhileCases('PostgreSQL', async () => (await openPostgres())[0]);
