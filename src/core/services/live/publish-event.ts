import { Fault, ruleBroken } from '../../kit/fault.ts';
import { StoreDown } from '../../kit/store-down.ts';
import type { NewEvent, Publish, TopicLimits, TopicLog, TopicPosition } from '../../ports/topic-log.ts';
import type { ReadTopic } from './topic-namespaces.ts';

export function publishBy(log: TopicLog, topicOf: ReadTopic): Publish {
  return async (events, origin) => {
    const positions = new Map<number, TopicPosition>();
    const groups = Map.groupBy(events.entries(), ([, { topic }]) => topic);
    const limits = new Map([...groups.keys()].map((topic) => [topic, topicOf(topic).namespace.limits])); // all are known before one is published
    const publish = async (topic: string, group: readonly (readonly [number, NewEvent])[]) => {
      const given = group.map(([, event]) => event);
      const published = await log.publish(topic, given, limits.get(topic) as TopicLimits, origin);
      for (const [i, [at]] of group.entries()) positions.set(at, (published[i] as (typeof published)[number]).position);
    };
    try {
      await Promise.all([...groups].map(([topic, group]) => publish(topic, group)));
    } catch (cause) {
      if (cause instanceof RangeError) throw ruleBroken('events', cause.message.replace(/\.$/, ''), cause);
      if (!(cause instanceof StoreDown)) throw cause;
      throw new Fault('STORE_DOWN', 'The store that all replicas share did not confirm it. Try again, with the same request ids.', {
        retryAfterMs: 1_000,
        cause,
      });
    }
    return events.map((_, at) => positions.get(at) as TopicPosition);
  };
}
