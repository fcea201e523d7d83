import { until } from '../time/until.ts';
import type { RedisServer } from './redis-server.ts';

/**
 * Makes one server the replica of another, and waits until it is in step. A primary gets a new replication id when its
 * first replica comes; who has seen the older one would see another generation, in the middle of a test.
 */
export async function follow(replica: RedisServer, primary: RedisServer): Promise<void> {
  await replica.command('REPLICAOF', '127.0.0.1', primary.port);
  await inStep(replica);
}

/** Waits until a replica has a link to its primary, and all that the primary has. */
export async function inStep(replica: RedisServer): Promise<void> {
  await until('the replica is in step', async () => String(await replica.command('INFO', 'replication')).includes('master_link_status:up'), 30_000);
}
