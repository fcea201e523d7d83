// A Redis that comes back without the end of its logs: another server returns to it only when others have the offsets
// of all that was lost. It finds each log whole and longer than it was: only an id is another one.
import type { LossyRedisLink } from '../../support/link/lossy-redis-link.ts';
import type { RedisServer } from '../../support/redis/redis.ts';
import type { Progress } from './progress.ts';

/**
 * @param link of the server that returns late
 * @param events how many are published before the end is lost
 */
export async function loseEnd(redis: RedisServer, link: LossyRedisLink, { goesOn, note }: Progress, events = 250): Promise<void> {
  await redis.command('SAVE');
  const othersHaveTheOffsets = note();
  await goesOn(events);
  link.refuse(true);
  await redis.restart({ saved: true });
  await othersHaveTheOffsets();
  link.refuse(false);
}
