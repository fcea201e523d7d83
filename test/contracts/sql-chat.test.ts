import { sharedPostgres } from '../support/postgres/shared-database.ts';
import { sqlChatContracts } from './sql-chat.ts';

sqlChatContracts('PostgreSQL', sharedPostgres());
