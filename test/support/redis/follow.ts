import { until } from '../time/until.ts';
import type { RedisServer } from './redis-server.ts';

/**
 * Makes one server the replica of another, and waits until it is in step. A primary gets a new replication id when its
 * first replica comes; who has seen the older one would see another generation, in the middle of a test.
 */
export async function follow(replica: RedisServer, primary: RedisServer): Promise<void> {
  await replica.command('REPLICAOF', '127.0.0.1', primary.port);
  await inStep(replica, primary);
}

/** Waits until a replica has a link to its primary, and all that the primary has now. */
export async function inStep(replica: RedisServer, primary: RedisServer): Promise<void> {
  const offset = Number(await field(primary, 'master_repl_offset'));
  await until(
    'the replica is in step',
    async () => (await field(replica, 'master_link_status')) === 'up' && Number(await field(replica, 'slave_repl_offset')) >= offset,
    30_000,
  );
}

/** Of the replication of a server; undefined: it has none of that name. */
async function field(server: RedisServer, name: string): Promise<string | undefined> {
  return new RegExp(`^${name}:(.*)\r$`, 'm').exec(String(await server.command('INFO', 'replication')))?.[1];
}
