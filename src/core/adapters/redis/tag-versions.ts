import { partitionOf, partitionTags } from '../../kit/partitions.ts';
import { StoreDown } from '../../kit/store-down.ts';
import { bucketOf } from '../../kit/tag-buckets.ts';
import type { Standing, TagVersions } from '../../ports/tag-versions.ts';
import type { TagsOfUsers } from '../../ports/user-data.ts';
import type { Redis } from './connection/open-redis.ts';
import { type Batch, batchedReads, turnsOfLoop } from './limit-and-batch-reads.ts';
import {
  beginScript,
  beyondLifeMs,
  forgetScript,
  keepScript,
  lastRaiseScript,
  raiseAllScript,
  raiseScript,
  readScript,
  versionsEnd,
} from './tag-scripts.ts';

/** Beyond this the clocks of a Cluster's nodes do not differ: docs/operating/redis.md asks for it. Microseconds. */
const skewUs = 2_000_000;
/** Tags read by one script: Lua takes about 8,000 values at once (LUAI_MAXCSTACK). */
const keysMax = 2_000;

/**
 * Tag versions that all replicas share: see tag-scripts.ts for what lies where. All tags of a partition, and its hash,
 * lie in one slot of a Cluster.
 */
export function redisTagVersions({ redis }: { redis: Redis }): TagVersions & TagsOfUsers {
  const cluster = redis.mode === 'cluster';
  const placeOf = (partition: number) => `${redis.prefix}{${partitionTags[partition]}}`;
  const keyOf = (tag: string) => `${placeOf(partitionOf(tag))}v:${tag}`;
  /** In a Cluster each partition has a hash; elsewhere there is one. */
  const groupOf = (tag: string) => (cluster ? partitionOf(tag) : 0);
  const hashOf = (group: number) => `${placeOf(group)}raised`;
  const turn = turnsOfLoop(() => new Map<readonly number[], Promise<Standing>>());
  /**
   * Each partition of a Cluster has reads of its own, so that a node that is down or hangs delays only its own tags.
   * The floor is read with them, under the hash's name.
   */
  const readers = (cluster ? partitionTags : ['']).map((_, group) =>
    batchedReads(async (tags) => {
      const read = async (some: readonly string[]) => {
        const reply = (await redis.run(readScript, [...some.map(keyOf), hashOf(group)])) as (Buffer | null)[];
        if (redis.knows(String(reply.pop()))) return reply;
        throw new StoreDown('moving', 'Redis has been promoted since its INFO was read: its versions may be old.');
      };
      if (tags.length <= keysMax) return read(tags);
      const parts = Array.from({ length: Math.ceil(tags.length / keysMax) }, (_, i) => tags.slice(i * keysMax, (i + 1) * keysMax));
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

  /** Of tags of one group with versions of their own. No async function: each cached call asks it. */
  const standingIn = (group: number, tags: readonly string[], versions: readonly number[]): Promise<Standing> => {
    const batch = (readers[group] as () => Batch)();
    const places = tags.map(batch.place);
    return batch.values.then((values) => {
      const floor = numberOf(values.at(-1) ?? null);
      let worst: Standing = 'current';
      for (let i = 0; i < places.length; i++) {
        const standing = standingOf(values[places[i] as number] ?? null, floor, versions[i] as number);
        if (standing === 'invalidated') return standing;
        if (standing === 'soft') worst = standing;
      }
      return worst;
    });
  };
  const readOwn = (tags: readonly string[], versions: readonly number[]): Promise<Standing> => {
    if (!cluster) return standingIn(0, tags, versions);
    const groups = Map.groupBy(tags.keys(), (i) => groupOf(tags[i] as string));
    const all = [...groups].map(([group, places]) => standingIn(group, pick(tags, places), pick(versions, places)));
    return Promise.all(all).then(worstOf);
  };
  /**
   * Only tags of a computation under way share the version of a bucket. Their versions are rarely read, and by the
   * script that knows buckets.
   */
  const readShared = async (tags: readonly string[], versions: readonly number[]): Promise<Standing> => {
    const [shared, own] = [false, true].map((isOwn) => [...versions.keys()].filter((i) => Number.isInteger(versions[i]) === isOwn)) as [
      number[],
      number[],
    ];
    if ((await keep(pick(tags, shared), pick(versions, shared), 0, 0)) === undefined) return 'invalidated';
    return own.length === 0 ? 'current' : readOwn(pick(tags, own), pick(versions, own));
  };
  return {
    standing: (tags, versions) => {
      if (tags.length === 0) return 'current';
      const { asked } = turn(); // about one entry within a turn: asked, and compared, once
      const joined = asked.get(versions);
      if (joined !== undefined) return joined;
      const standing = versions.every(Number.isInteger) ? readOwn(tags, versions) : readShared(tags, versions);
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
    forget: async (tags) => {
      await each(tags, (places, keys) => redis.run(forgetScript, keys, buckets(tags, places)));
    },
    raiseAll: async () => {
      await Promise.all(readers.map((_, group) => redis.run(raiseAllScript, [hashOf(group)])));
    },
    // in a Cluster each partition would have to be asked, by every call whose flight failed: computing anew costs less
    raisedSince: async (startedAt) => cluster || !(numberOf((await redis.run(lastRaiseScript, [hashOf(0)])) as Buffer | null) <= startedAt),
  };
}

function pick<T>(from: readonly T[], places: readonly number[]): readonly T[] {
  return places.map((i) => from[i] as T);
}

function worstOf(standings: readonly Standing[]): Standing {
  return standings.includes('invalidated') ? 'invalidated' : standings.includes('soft') ? 'soft' : 'current';
}

/** @param value "version hard settlesAt"; whatever cannot be read as numbers is invalidated */
function standingOf(value: Buffer | null, floor: number, then: number): Standing {
  if (value === null) return 'invalidated';
  const end = value.indexOf(space);
  const version = Math.max(numberIn(value, 0, end), floor); // not a number when one of them is none
  if (version === then) return 'current';
  const hard = Math.max(numberIn(value, end + 1, value.indexOf(space, end + 1)), floor);
  return hard <= then && version > then ? 'soft' : 'invalidated';
}

const space = 0x20;

/** What scripts read as a number (tag-scripts.ts); of anything else NaN. */
function numberOf(value: Buffer | null): number {
  return value === null ? Number.NaN : numberIn(value, 0, value.length);
}

/** Decimal digits; anything else is no number. Not by way of a text: each cached call reads some. */
function numberIn(bytes: Buffer, from: number, to: number): number {
  let number = from < to ? 0 : Number.NaN;
  for (let i = from; i < to; i++) {
    const digit = (bytes[i] as number) - 0x30;
    number = digit >= 0 && digit <= 9 ? number * 10 + digit : Number.NaN;
  }
  return number < versionsEnd ? number : Number.NaN;
}
