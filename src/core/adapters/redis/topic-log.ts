import type { Bus } from '../../ports/bus.ts';
import { spanText } from '../../ports/short-spans.ts';
import type { LostWhy, NewEvent, Published, TopicEvent, TopicLog, TopicPosition } from '../../ports/topic-log.ts';
import { checkLogTopic, checkPublish, checkRead } from '../../ports/topic-log-limits.ts';
import { busTopicOf, followBy } from '../topics/event-announcement.ts';
import type { Redis } from './connection/open-redis.ts';
import { limitReads, pagesAtOnce } from './limit-and-batch-reads.ts';
import { busChannel, placeOf } from './redis-keys.ts';
import { beginScript, publishScript, readScript, topScript } from './topic-scripts.ts';

export type RedisTopicLogParts = {
  readonly redis: Redis;
  /** Another connection for pages: on a shared one every publish would wait behind the pages on their way. */
  readonly pages: Redis;
  /** On the same Redis. */
  readonly bus: Bus;
  /** A new random text at each call: letters and digits. */
  readonly randomId: () => string;
};

/** The log, events, keys and ids of a topic: see topic-scripts.ts. */
export function topicKeys(prefix: string, topic: string): readonly [log: string, events: string, keys: string, ids: string] {
  const place = placeOf(prefix, busTopicOf(topic));
  return [`${place}l:${topic}`, `${place}e:${topic}`, `${place}k:${topic}`, `${place}i:${topic}`];
}

/** Where the position is that a request id was answered with. */
export function requestKey(prefix: string, topic: string, id: string): string {
  return `${placeOf(prefix, busTopicOf(topic))}r:${topic.length} ${topic} ${id}`;
}

/** The topic log that all replicas share. */
export function redisTopicLog({ redis, pages, bus, randomId }: RedisTopicLogParts): TopicLog {
  const inTurn = limitReads(pagesAtOnce);
  const begin = async (topic: string) => (await redis.run(beginScript, topicKeys(redis.prefix, topic), [randomId()])) as Buffer[];
  return {
    publish: async (topic, events, limits, origin) => {
      checkPublish(topic, events, limits);
      const requests = events.flatMap(({ requestId }) => requestId ?? []);
      const keys = [...topicKeys(redis.prefix, topic), ...requests.map((id) => requestKey(redis.prefix, topic, id))];
      const words = events.flatMap(({ payload, key = '', requestId }: NewEvent) => [
        randomId(),
        key,
        Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength),
        requestId === undefined ? 0 : 5 + requests.indexOf(requestId),
      ]);
      const channel = busChannel(redis.prefix, busTopicOf(topic));
      const sent = origin === undefined ? '' : spanText(origin);
      const reply = (await redis.run(publishScript, keys, [randomId(), channel, limits.size, limits.ageMs, sent, ...words])) as (Buffer | number)[];
      return events.map((_, i): Published => ({ position: positionOf(String(reply[2 * i]).split(' ')), repeated: reply[2 * i + 1] === 1 }));
    },
    read: async (topic, after, page) => {
      checkRead(topic, after, page);
      const words = [after.epoch, after.offset, after.id, page.eventsMax, page.bytesMax];
      const reply = (await inTurn(() => pages.run(readScript, topicKeys(redis.prefix, topic), words))) as Buffer[];
      if (reply.length === 0) return { recovered: false, why: 'epoch', top: positionOf((await begin(topic)).map(String)) };
      const top = positionOf(reply.slice(0, 3).map(String));
      const why = String(reply[3]);
      if (why !== '') return { recovered: false, why: why as LostWhy, top };
      const events = eventsOf(top.epoch, reply.slice(4));
      return { recovered: true, events, end: events.at(-1)?.position ?? after, top };
    },
    top: async (topic) => {
      checkLogTopic(topic);
      const found = (await redis.run(topScript, topicKeys(redis.prefix, topic))) as Buffer[];
      return positionOf((found.length > 0 ? found : await begin(topic)).map(String));
    },
    follow: followBy(bus),
  };
}

function positionOf([epoch = '', offset, id = '']: readonly string[]): TopicPosition {
  return { epoch, offset: Number(offset), id };
}

/** @param values offset, id, time, key and payload of each event */
function eventsOf(epoch: string, values: readonly Buffer[]): readonly TopicEvent[] {
  return Array.from({ length: values.length / 5 }, (_, i): TopicEvent => {
    const [offset, id, atMs, key, payload] = values.slice(5 * i, 5 * i + 5);
    return {
      position: { epoch, offset: Number(offset), id: String(id) },
      key: String(key),
      payload: new Uint8Array(payload ?? []),
      publishedAtMs: Number(atMs),
    };
  });
}
