import { presenceTopicOf } from '../../ports/presence.ts';
import type { CopiesOfUsers, OwnOfUsers } from '../../ports/user-data.ts';
import { eventRecord } from '../user-copies/answers-and-events.ts';
import type { Redis } from './connection/open-redis.ts';
import { presenceKeys } from './presence-store.ts';
import { topicKeys } from './topic-log.ts';

/** Events of one read. */
const pageEvents = 100;

/** Users' own topics in Redis: their logs, and who is on them. Whoever resumes there learns that events are missing. */
export function redisTopicsOfUsers(redis: Redis, { topicsOf }: Pick<OwnOfUsers, 'topicsOf'>): CopiesOfUsers {
  return {
    read: async function* (userId, signal) {
      for (const topic of topicsOf(userId)) {
        const [, events] = topicKeys(redis.prefix, topic);
        let from = '-';
        do {
          signal.throwIfAborted();
          const entries = (await redis.call(events, 'XRANGE', events, from, '+', 'COUNT', pageEvents)) as readonly Entry[];
          for (const entry of entries) yield eventRecord(topic, eventOf(entry));
          from = entries.length < pageEvents ? '' : `(${entries.at(-1)?.[0]}`;
        } while (from !== '');
      }
    },
    forget: async (userId) => {
      let events = 0;
      for (const topic of topicsOf(userId)) {
        const keys = topicKeys(redis.prefix, topic);
        events += (await redis.call(keys[1], 'XLEN', keys[1])) as number;
        await redis.call(keys[0], 'DEL', ...keys);
        const [members = '', ...others] = [...presenceKeys(redis.prefix, topic), ...topicKeys(redis.prefix, presenceTopicOf(topic))];
        await redis.call(members, 'DEL', members, ...others);
      }
      return { erased: { events }, place: undefined, isDone: true };
    },
  };
}

/** See topic-scripts.ts. */
type Entry = readonly [id: Buffer, fields: readonly Buffer[]];

function eventOf([, fields]: Entry) {
  const [, , , atMs, , key, , payload] = fields;
  return { key: String(key), payload: payload ?? Buffer.alloc(0), publishedAtMs: Number(atMs) };
}
