// Starts what the whole test run shares. Node calls it before the first test file and after the last one; test processes inherit the environment.
import { type Postgres, startPostgres } from './postgres.ts';

let postgres: Postgres | undefined;

export async function globalSetup(): Promise<void> {
  postgres = await startPostgres();
  process.env.PORTICO_TEST_POSTGRES_URL = postgres.url;
}

export async function globalTeardown(): Promise<void> {
  await postgres?.stop();
}
