import { partitionOf, partitionTags } from '../../kit/partitions.ts';
import { StoreDown } from '../../kit/store-down.ts';
import type { Late, Standing, TagVersions } from '../../ports/tag-versions.ts';
import type { Redis } from './connection/open-redis.ts';
import { beginScript, lateScript, raiseScript } from './tag-scripts.ts';
import { tickReader } from './tick-reader.ts';

/** Beyond this the clocks of a Cluster's nodes do not differ: docs/operating/redis.md asks for it. Microseconds. */
const skewUs = 2_000_000;
const noTags: Late = { versions: [], settling: false };

/**
 * Tag versions that all replicas share: one key for each tag, which lives as long as any answer begun with it. All tags of a partition lie in one slot of a Cluster.
 * @param keepMs the longest life of an answer, stale time and computation included: whole milliseconds
 */
export function redisTagVersions({ redis, keepMs }: { redis: Redis; keepMs: number }): TagVersions {
  const cluster = redis.mode === 'cluster';
  const keyOf = (tag: string) => `${redis.prefix}{${partitionTags[partitionOf(tag)]}}v:${tag}`;
  const reader = () => tickReader((keys) => redis.mget(keys));
  const one = reader();
  const readers = cluster ? partitionTags.map(reader) : [];
  /** In a Cluster each partition by itself, so that a node that is gone or hangs makes nobody wait who needs another. */
  const read = (tags: readonly string[]): ReturnType<typeof one> => {
    if (!cluster) return one(tags.map(keyOf));
    return Promise.all(tags.map(async (tag) => (await readers[partitionOf(tag)]?.([keyOf(tag)]))?.[0] ?? null));
  };
  /** The places of tags whose keys may stand in one script. */
  const groupsOf = (tags: readonly string[]): readonly number[][] => {
    if (!cluster) return tags.length === 0 ? [] : [tags.map((_, i) => i)];
    return [...Map.groupBy(tags.keys(), (i) => partitionOf(tags[i] as string)).values()];
  };
  /** Runs a script for each group; replies by place of the tag. */
  const each = async <T>(tags: readonly string[], run: (keys: readonly string[]) => Promise<T>) =>
    Promise.all(
      groupsOf(tags).map(async (places) => ({
        places,
        reply: await run(places.map((i) => keyOf(tags[i] as string))),
      })),
    );

  return {
    standing: async (tags, versions) => {
      if (tags.length === 0) return 'unmoved';
      const values = await read(tags);
      let worst: Standing = 'unmoved';
      for (let i = 0; i < tags.length; i++) {
        const standing = standingOf(values[i] ?? null, versions[i] as number);
        if (standing === 'moved') return 'moved';
        if (standing === 'soft') worst = 'soft';
      }
      return worst;
    },
    begin: async (tags) => {
      if (tags.length === 0) {
        const [seconds, microseconds] = (await redis.call(keyOf(''), 'TIME')) as Buffer[];
        return { startedAt: Number(seconds) * 1e6 + Number(microseconds) - 1, ...noTags };
      }
      const versions = new Array<number>(tags.length);
      let settling = false;
      let startedAt = Number.POSITIVE_INFINITY;
      for (const { places, reply } of await each(tags, (keys) => redis.run(beginScript, keys, [keepMs]))) {
        const [started, settles, ...found] = (reply as Buffer[]).map(Number);
        startedAt = Math.min(startedAt, started as number);
        settling ||= settles === 1;
        for (const [j, i] of places.entries()) versions[i] = found[j] as number;
      }
      return { startedAt, versions, settling };
    },
    late: async (tags, startedAt) => {
      const versions = new Array<number>(tags.length);
      let settling = false;
      const words = [keepMs, startedAt, cluster ? skewUs : 0, redis.evicts() === false ? 0 : 1];
      for (const { places, reply } of await each(tags, (keys) => redis.run(lateScript, keys, words))) {
        const [unmoved, settles, ...found] = (reply as Buffer[]).map(Number);
        if (unmoved !== 1) return undefined;
        settling ||= settles === 1;
        for (const [j, i] of places.entries()) versions[i] = found[j] as number;
      }
      return { versions, settling };
    },
    raise: async (tags, { soft = false, settleMs = 0 } = {}) => {
      try {
        await each(tags, (keys) => redis.run(raiseScript, keys, [Math.max(keepMs, settleMs), soft ? 1 : 0, settleMs * 1_000]));
      } catch (error) {
        // Out of memory Redis sets nothing, but deletes: no answer with a tag that has no version is served. It is no raise, as a computation under way could miss it.
        if (error instanceof StoreDown && error.why === 'full' && !soft)
          await each(tags, ([first = '', ...others]) => redis.call(first, 'DEL', first, ...others));
        throw error;
      }
    },
  };
}

/** @param value "version", or "version hard settlesAt" of a tag that was raised */
function standingOf(value: Buffer | null, then: number): Standing {
  if (value === null) return 'moved';
  const [version = 0, hard = version] = value.toString('latin1').split(' ', 2).map(Number);
  if (version === then) return 'unmoved';
  return hard > then || version < then ? 'moved' : 'soft';
}
