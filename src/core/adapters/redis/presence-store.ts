import { type Presence, presenceTopicOf } from '../../ports/presence.ts';
import { type PresenceParts, type PresenceStore, presenceBy } from '../presence/refresh-presence.ts';
import { busTopicOf } from '../topics/event-announcement.ts';
import type { Redis } from './connection/open-redis.ts';
import { presenceScript } from './presence-script.ts';
import { busChannel, placeOf } from './redis-keys.ts';
import { topicKeys } from './topic-log.ts';

type RedisPresenceParts = PresenceParts & {
  readonly redis: Redis;
  /** A new random text at each call: letters and digits. */
  readonly randomId: () => string;
};

/** Presence that all replicas share. After Redis was replaced or restarted, this replica repeats its users. */
export function redisPresence(parts: RedisPresenceParts): Presence {
  const { redis } = parts;
  const { presence, repeat } = presenceBy(redisPresenceStore(parts), parts);
  let generation = redis.generation();
  const stop = redis.onChange(() => {
    const now = redis.generation();
    if (now === undefined || now === generation) return;
    generation = now;
    void repeat();
  });
  return {
    ...presence,
    close: () => {
      stop();
      presence.close();
    },
  };
}

/** The members, users and state of a topic: see presence-script.ts. */
export function presenceKeys(prefix: string, topic: string): readonly string[] {
  const name = presenceTopicOf(topic);
  return ['m', 'u', 's'].map((kind) => `${placeOf(prefix, busTopicOf(name))}${kind}:${name}`);
}

function redisPresenceStore({ redis, randomId }: Pick<RedisPresenceParts, 'redis' | 'randomId'>): PresenceStore {
  const run = async (topic: string, words: readonly (string | number)[]) => {
    const name = presenceTopicOf(topic);
    const keys = [...topicKeys(redis.prefix, name), ...presenceKeys(redis.prefix, topic)];
    const reply = await redis.run(presenceScript, keys, [randomId(), busChannel(redis.prefix, busTopicOf(name)), ...words]);
    const [epoch = '', offset, id = '', count, dueMs = '', listed, ...users] = (reply as Buffer[]).map(String);
    return { position: { epoch, offset: Number(offset), id }, count: Number(count), dueMs, users: listed === '1' ? users : undefined };
  };
  return {
    apply: async (topic, { replica, present, leaving, limits, memberMs }) => {
      const { dueMs } = await run(topic, [replica, limits.leaveAfterMs, limits.listMax, memberMs, present.length, ...present, ...leaving]);
      return dueMs === '' ? undefined : Number(dueMs);
    },
    state: async (topic) => {
      const { position, count, users } = await run(topic, ['', 0, '', 0, 0]);
      return { position, count, users };
    },
  };
}
