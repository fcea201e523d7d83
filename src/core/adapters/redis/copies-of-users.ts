import type { CopiesOfUsers, OwnOfUsers } from '../../ports/user-data.ts';
import { redisAnswersOfUsers } from './answers-of-users.ts';
import type { Redis } from './connection/open-redis.ts';
import { redisTagVersions } from './tag-versions.ts';
import { redisTopicsOfUsers } from './topics-of-users.ts';

/**
 * What Redis has of users, by the part of an erasure.
 * @param bodies the connections for answers and pages of topics
 */
export function redisCopiesOfUsers(
  { redis, bodies }: { readonly redis: Redis; readonly bodies: Redis },
  own: OwnOfUsers,
): Readonly<Record<'topics' | 'cache', CopiesOfUsers>> {
  const versions = redisTagVersions({ redis });
  return { topics: redisTopicsOfUsers(bodies, own), cache: redisAnswersOfUsers({ redis: bodies, versions, ...own }) };
}
