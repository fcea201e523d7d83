// Starts what the whole test run shares. Node calls it before the first test file and after the last one; test processes inherit the environment.
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { installPackage } from '../../scripts/tied-process.ts';
import { startPostgres } from './postgres/postgres.ts';
import { startSharedRedis } from './redis/redis.ts';
import { makeSharedTls } from './server/shared-tls.ts';

let stops: readonly (() => Promise<void>)[] = [];

export async function globalSetup(): Promise<void> {
  const folders = (process.env.PATH ?? '').split(delimiter);
  // the tests of the docs type the very lines that are printed there
  if (!folders.some((folder) => existsSync(join(folder, 'curl')))) installPackage('curl', 'curl', 'or put it on the PATH');
  const [postgres, redis, tls] = await Promise.all([startPostgres(), startSharedRedis(), makeSharedTls()]);
  process.env.TEST_POSTGRES_URL = postgres.url;
  stops = [postgres.stop, redis.stop, async () => tls.remove()];
}

export async function globalTeardown(): Promise<void> {
  await Promise.all(stops.map((stop) => stop()));
}
