import { Fault, ruleBroken } from '../../kit/fault.ts';
import { StoreDown } from '../../kit/store-down.ts';
import type { Publish, Published, TopicLog, TopicPosition } from '../../ports/topic-log.ts';
import { checkPublish } from '../../ports/topic-log-limits.ts';
import type { ReadTopic } from './topic-namespaces.ts';

export function publishBy(log: TopicLog, topicOf: ReadTopic): Publish {
  return async (events, origin) => {
    const positions: TopicPosition[] = [];
    try {
      const groups = [...Map.groupBy(events.entries(), ([, { topic }]) => topic)].map(([topic, group]) => {
        const { limits, conflate } = topicOf(topic).namespace;
        const given = group.map(([, event]) => (conflate ? event : { ...event, key: '' })); // the log keeps only the newest of a key
        checkPublish(topic, given, limits); // of all topics, before anything is published
        return async () => {
          const published = await log.publish(topic, given, limits, origin);
          for (const [i, [at]] of group.entries()) positions[at] = (published[i] as Published).position;
        };
      });
      await Promise.all(groups.map((publish) => publish()));
    } catch (cause) {
      if (cause instanceof RangeError) throw ruleBroken('events', cause.message.replace(/\.$/, ''), cause);
      if (!(cause instanceof StoreDown)) throw cause;
      throw new Fault('STORE_DOWN', 'The store that all replicas share did not confirm it. Try again, with the same request ids.', {
        retryAfterMs: 1_000,
        cause,
      });
    }
    return positions;
  };
}
