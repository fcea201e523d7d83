import { bucketOf } from '../../kit/tag-buckets.ts';
import { partitionOf, partitionTags } from '../../kit/partitions.ts';
import type { Standing, TagVersions } from '../../ports/tag-versions.ts';
import type { Redis } from './connection/open-redis.ts';
import { beginScript, keepScript, lastRaiseScript, raiseAllScript, raiseScript, readScript } from './tag-scripts.ts';
import { type ReadKeys, tickReader, turnsOfLoop } from './tick-reader.ts';

/** Beyond this the clocks of a Cluster's nodes do not differ: docs/operating/redis.md asks for it. Microseconds. */
const skewUs = 2_000_000;
/**
 * Versions outlive the answers by so much: a Redis that evicts what ends first throws out the bodies before them.
 * Milliseconds.
 */
const beyondLifeMs = 60_000;
/** Tags read by one script: Lua takes about 8,000 values at once (LUAI_MAXCSTACK). */
const keysMax = 2_000;

/**
 * Tag versions that all replicas share: see tag-scripts.ts for what lies where. All tags of a partition, and its hash,
 * lie in one slot of a Cluster.
 */
export function redisTagVersions({ redis }: { redis: Redis }): TagVersions {
  const cluster = redis.mode === 'cluster';
  const placeOf = (partition: number) => `${redis.prefix}{${partitionTags[partition]}}`;
  const keyOf = (tag: string) => `${placeOf(partitionOf(tag))}v:${tag}`;
  /** In a Cluster each partition has a hash; elsewhere there is one. */
  const groupOf = (tag: string) => (cluster ? partitionOf(tag) : 0);
  const hashOf = (group: number) => `${placeOf(group)}raised`;
  const turn = turnsOfLoop(() => new Map<readonly number[], Promise<Standing>>());
  /**
   * Each partition of a Cluster by itself, so that a node that is down or hangs makes nobody wait who needs another.
   * The floor is read with them, under the hash's name.
   */
  const readers = (cluster ? partitionTags : ['']).map((_, group) =>
    tickReader(async (keys) => {
      const read = async (some: readonly string[]) => (await redis.run(readScript, [...some, hashOf(group)])) as (Buffer | null)[];
      if (keys.length <= keysMax) return read(keys);
      const parts = Array.from({ length: Math.ceil(keys.length / keysMax) }, (_, i) => keys.slice(i * keysMax, (i + 1) * keysMax));
      const values = await Promise.all(parts.map(read));
      return [...values.flatMap((some) => some.slice(0, -1)), values.at(-1)?.at(-1) ?? null];
    }, turn),
  );
  /** Runs a script for each group of tags; replies with the places of its tags. */
  const each = async <T>(tags: readonly string[], run: (places: readonly number[], keys: readonly string[]) => Promise<T>) => {
    const groups = Map.groupBy(tags.keys(), (i) => groupOf(tags[i] as string));
    if (tags.length === 0) groups.set(0, []);
    return Promise.all(
      [...groups].map(async ([group, places]) => ({
        places,
        reply: await run(places, [...places.map((i) => keyOf(tags[i] as string)), hashOf(group)]),
      })),
    );
  };
  const buckets = (tags: readonly string[], places: readonly number[]) => places.map((i) => bucketOf(tags[i] as string));
  const versionsOf = (tags: readonly string[]) => new Array<number>(tags.length);

  const keep: TagVersions['keep'] = async (tags, begun, startedAt, lifeMs) => {
    const versions = versionsOf(tags);
    let settling = false;
    const words = [startedAt, cluster ? skewUs : 0, lifeMs === 0 ? 0 : Math.ceil(lifeMs) + beyondLifeMs];
    const replies = await each(tags, (places, keys) =>
      redis.run(keepScript, keys, [...words, ...places.flatMap((i) => [bucketOf(tags[i] as string), begun[i] ?? ''])]),
    );
    for (const { places, reply } of replies) {
      if (reply === null) return undefined;
      const [settles, ...found] = (reply as Buffer[]).map(Number);
      settling ||= settles === 1;
      for (const [j, i] of places.entries()) versions[i] = found[j] as number;
    }
    return { versions, settling };
  };

  const readStanding = async (tags: readonly string[], versions: readonly number[]): Promise<Standing> => {
    // what shares a bucket's version is of a computation under way: seldom asked for, and then by the script that knows
    // buckets
    const shared = [...tags.keys()].filter((i) => !Number.isInteger(versions[i]));
    const pick = <T>(from: readonly T[]) => shared.map((i) => from[i] as T);
    if (shared.length > 0 && (await keep(pick(tags), pick(versions), 0, 0)) === undefined) return 'invalidated';
    const own = shared.length === 0 ? [...tags.keys()] : [...tags.keys()].filter((i) => Number.isInteger(versions[i]));
    const standings = await Promise.all(
      Array.from(cluster ? Map.groupBy(own, (i) => groupOf(tags[i] as string)) : [[0, own] as const], async ([group, places]) => {
        const read = await (readers[group] as ReadKeys)(places.map((i) => keyOf(tags[i] as string)));
        const floor = Number(read.at(-1) ?? Number.NaN);
        return worstOf(places.map((i, j) => standingOf(read[j] ?? null, floor, versions[i] as number)));
      }),
    );
    return worstOf(standings);
  };
  return {
    standing: (tags, versions) => {
      if (tags.length === 0) return 'current';
      const { asked } = turn(); // about one entry within a turn: asked, and compared, once
      const joined = asked.get(versions);
      if (joined !== undefined) return joined;
      const standing = readStanding(tags, versions);
      asked.set(versions, standing);
      return standing;
    },
    begin: async (tags) => {
      const versions = versionsOf(tags);
      let settling = false;
      let startedAt = Number.POSITIVE_INFINITY;
      const raises: string[] = []; // in the order of the tags' groups, which is that of the tags
      for (const { places, reply } of await each(tags, (places, keys) => redis.run(beginScript, keys, buckets(tags, places)))) {
        const [started, settles, buckets, ...found] = (reply as Buffer[]).map(String);
        startedAt = Math.min(startedAt, Number(started));
        settling ||= settles === '1';
        raises.push(String(buckets));
        for (const [j, i] of places.entries()) versions[i] = Number(found[j]);
      }
      return { startedAt, versions, raises: raises.join(), settling };
    },
    keep,
    raise: async (tags, { soft = false, settleMs = 0 } = {}) => {
      await each(tags, (places, keys) => redis.run(raiseScript, keys, [soft ? 1 : 0, settleMs * 1_000, ...buckets(tags, places)]));
    },
    raiseAll: async () => {
      await Promise.all(readers.map((_, group) => redis.run(raiseAllScript, [hashOf(group)])));
    },
    // in a Cluster each partition would have to be asked, by every call whose flight failed: computing anew costs less
    raisedSince: async (startedAt) => cluster || !(Number((await redis.run(lastRaiseScript, [hashOf(0)])) ?? Number.NaN) <= startedAt),
  };
}

function worstOf(standings: readonly Standing[]): Standing {
  return standings.includes('invalidated') ? 'invalidated' : standings.includes('soft') ? 'soft' : 'current';
}

/** @param value "version hard settlesAt"; whatever cannot be read as numbers is invalidated */
function standingOf(value: Buffer | null, floor: number, then: number): Standing {
  if (value === null) return 'invalidated';
  const [own = Number.NaN, ownHard = Number.NaN] = value.toString('latin1').split(' ', 2).map(Number);
  const version = Math.max(own, floor); // not a number when one of them is none
  const hard = Math.max(ownHard, floor);
  if (version === then) return 'current';
  return hard <= then && version > then ? 'soft' : 'invalidated';
}
