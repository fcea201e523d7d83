// A search through every key of a Redis, or of a Cluster, whatever its type: name and value.
import { Redis } from 'ioredis';
import { decodeEntry } from '../../../src/core/adapters/redis/cache-entry.ts';
import type { RedisPlace } from '../redis/redis.ts';

/** Every key with this prefix, as a line: its name, its type and all that is in it. */
export async function linesOfRedis({ nodes, prefix }: Pick<RedisPlace, 'nodes' | 'prefix'>): Promise<readonly string[]> {
  const lines: string[] = [];
  for (const address of nodes) {
    const [host, port] = address.split(':');
    const redis = new Redis({ host, port: Number(port) }); // the default user, who may do everything
    try {
      for (const key of await keysOf(redis, prefix)) {
        const type = await redis.type(key);
        lines.push(`${key} ${type} ${texts(await contentOf(redis, key, type)).join(' ')}`);
      }
    } finally {
      redis.disconnect();
    }
  }
  return lines;
}

/** Where marks are: as they are, in the form of bytes that JSON has, and in compressed answers. */
export async function marksInRedis(place: Pick<RedisPlace, 'nodes' | 'prefix'>, marks: readonly string[]): Promise<readonly string[]> {
  const lines = await linesOfRedis(place);
  return marks.flatMap((mark) => lines.filter((line) => line.includes(mark)).map((line) => `${mark} in ${line.slice(0, 300)}`));
}

async function keysOf(redis: Redis, prefix: string): Promise<readonly string[]> {
  const keys = new Set<string>();
  let cursor = '0';
  do {
    const [next, some] = await redis.scan(cursor, 'MATCH', `${prefix}*`, 'COUNT', 1_000);
    for (const key of some) keys.add(key);
    cursor = next;
  } while (cursor !== '0');
  return [...keys];
}

async function contentOf(redis: Redis, key: string, type: string): Promise<unknown> {
  switch (type) {
    case 'none':
      return [];
    case 'string': {
      const value = await redis.getBuffer(key);
      return [value, value && decodeEntry(value)?.body];
    }
    case 'hash':
      return redis.callBuffer('HGETALL', key);
    case 'list':
      return redis.callBuffer('LRANGE', key, 0, -1);
    case 'set':
      return redis.callBuffer('SMEMBERS', key);
    case 'zset':
      return redis.callBuffer('ZRANGE', key, 0, -1);
    case 'stream':
      return redis.callBuffer('XRANGE', key, '-', '+');
    default:
      throw new Error(`Nobody knows how to search the type ${type} of ${key}.`);
  }
}

function texts(value: unknown): readonly string[] {
  if (value instanceof Uint8Array) return [Buffer.from(value).toString()];
  if (Array.isArray(value)) return value.flatMap(texts);
  return value === null || value === undefined ? [] : [String(value)];
}
