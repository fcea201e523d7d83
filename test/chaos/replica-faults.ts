import type { RedisServer } from '../support/redis/redis.ts';
import type { Fault } from './fault.ts';
import type { Load } from './load.ts';

/** A primary that goes when its replica has long been told nothing more, and the replica takes its place. @param promoted resolved when it has */
export function failOver(
  primary: RedisServer,
  replica: Pick<RedisServer, 'lagBehind'>,
  promoted: () => Promise<void>,
  load: Load,
  go: () => unknown = primary.kill,
): Fault {
  return {
    name: 'replaced by a replica that lacks the tail',
    begin: async () => {
      await replica.lagBehind();
      const { told = 0 } = load.counts();
      await load.goesOn((load.counts().reads ?? 0) + 200);
      if ((load.counts().told ?? 0) === told) throw new Error('Nothing was invalidated that the replica would lack.');
      await go();
      await promoted();
    },
  };
}
