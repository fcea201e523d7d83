import type { CopiesOfUsers, OwnOfUsers } from '../../ports/user-data.ts';
import { eventRecord } from '../user-copies/answers-and-events.ts';
import type { MemoryTopicLog } from './topic-log.ts';

/** Users' own topics where this process is the only replica. */
export function memoryTopicsOfUsers(topics: MemoryTopicLog, { topicsOf }: Pick<OwnOfUsers, 'topicsOf'>): CopiesOfUsers {
  return {
    read: async function* (userId) {
      for (const topic of topicsOf(userId)) for (const event of topics.events(topic)) yield eventRecord(topic, event);
    },
    forget: async (userId) => {
      const counts = topicsOf(userId).map((topic) => {
        const { length } = topics.events(topic);
        topics.forget(topic);
        return length;
      });
      return { erased: { events: counts.reduce((sum, count) => sum + count, 0) }, place: undefined, isDone: true };
    },
  };
}
