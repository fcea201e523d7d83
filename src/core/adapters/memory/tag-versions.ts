import type { Clock } from '../../kit/clock.ts';
import { bucketCount, bucketOf } from '../../kit/tag-buckets.ts';
import type { Standing, TagVersions } from '../../ports/tag-versions.ts';
import type { TagsOfUsers } from '../../ports/user-data.ts';

/**
 * `hard`: the version that the last raise gave that was not soft. `settlesAt`: microseconds, as versions are.
 * `untilMs`: when every answer stored with this tag is over. All by the clock that is never set, which could end
 * settling before its time.
 */
type Version = { readonly version: number; readonly hard: number; readonly settlesAt: number; readonly untilMs: number };

/** A computation that began while a tag settled finds the version that it began with for so long. Milliseconds. */
const beyondMs = 60_000;

/** Added to a bucket's version, which is a whole number: it is known by this from one of the tag's own. */
const ofBucket = 0.5;

export type MemoryTagVersions = TagVersions &
  TagsOfUsers & {
    /**
     * For the store: while it has an entry, the versions of that entry's tags are not forgotten. They count in the
     * entry's bytes.
     */
    retain(tags: readonly string[]): void;
    release(tags: readonly string[]): void;
    /** Of all tags that have one. */
    names(): readonly string[];
  };

/**
 * Tag versions of one process. Lost with it, as its answers are.
 * @param looseMax most versions of tags that no stored entry has, and as many of those that settle: the longest
 * untouched is forgotten. A version takes about 170 bytes and the tag's length
 */
export function memoryTagVersions({ clock, looseMax = 20_000 }: { clock: Clock; looseMax?: number }): MemoryTagVersions {
  const held = new Map<string, { count: number; version: Version }>();
  const loose = new Map<string, Version>(); // in the order of their last touch, so the first is the one to forget
  const settling = new Map<string, Version>(); // the same: apart, so that what callers have stored makes no settling tag forgotten
  let lastTick = 0;
  /** Rises by at least 1 with every use, so that no two events have the same time. */
  const tick = () => {
    lastTick = Math.max(lastTick + 1, Math.floor(clock.monotonicMs() * 1_000));
    return lastTick;
  };
  let floor = tick();
  let lastRaise = floor;
  const buckets = new Float64Array(bucketCount);

  const known = (tag: string) => held.get(tag)?.version ?? loose.get(tag) ?? settling.get(tag);
  const bucketVersion = (tag: string) => Math.max(floor, buckets[bucketOf(tag)] as number);
  const versionOf = (tag: string) => {
    const own = known(tag);
    return own === undefined ? bucketVersion(tag) + ofBucket : Math.max(own.version, floor);
  };
  const put = (tag: string, version: Version) => {
    const holding = held.get(tag);
    if (holding !== undefined) holding.version = version;
    else {
      loose.delete(tag);
      settling.delete(tag);
      (version.settlesAt > lastTick ? settling : loose).set(tag, version);
    }
  };
  const forget = () => {
    for (const versions of [loose, settling]) {
      for (const [tag, { untilMs }] of versions) {
        if (versions.size <= looseMax && clock.monotonicMs() < untilMs) break;
        versions.delete(tag);
      }
    }
  };
  const settles = (tags: readonly string[], at: number) => tags.some((tag) => (known(tag)?.settlesAt ?? 0) > at);
  const unraised = (tag: string, then: number | undefined, startedAt: number) => {
    if (then === undefined) return Math.max(floor, known(tag)?.version ?? Number.POSITIVE_INFINITY) <= startedAt || bucketVersion(tag) <= startedAt;
    return Number.isInteger(then) ? versionOf(tag) === then : bucketVersion(tag) + ofBucket === then;
  };

  return {
    standing: (tags, versions) => {
      let worst: Standing = 'current';
      for (let i = 0; i < tags.length; i++) {
        const tag = tags[i] as string;
        const then = versions[i] as number;
        const own = known(tag);
        if (!Number.isInteger(then)) {
          if (bucketVersion(tag) + ofBucket !== then) return 'invalidated';
        } else {
          if (own === undefined) return 'invalidated';
          const version = Math.max(own.version, floor);
          if (version === then) continue;
          if (Math.max(own.hard, floor) > then || version < then) return 'invalidated';
          worst = 'soft';
        }
      }
      return worst;
    },
    begin: (tags) => {
      const startedAt = tick();
      return { startedAt, versions: tags.map(versionOf), raises: tags.map(bucketVersion).join(), settling: settles(tags, startedAt) };
    },
    keep: (tags, versions, startedAt, lifeMs) => {
      if (!tags.every((tag, i) => unraised(tag, versions[i], startedAt))) return undefined;
      if (lifeMs > 0) {
        const untilMs = clock.monotonicMs() + lifeMs;
        for (const tag of tags) {
          const own = known(tag);
          const version = own?.version ?? tick();
          put(tag, { hard: version, settlesAt: 0, ...own, version, untilMs: Math.max(untilMs, own?.untilMs ?? 0) });
        }
        forget();
      }
      return { versions: tags.map(versionOf), settling: settles(tags, startedAt) };
    },
    raise: (tags, { soft = false, settleMs = 0 } = {}) => {
      for (const tag of tags) {
        const version = tick();
        lastRaise = version;
        buckets[bucketOf(tag)] = version;
        const own = known(tag);
        if (own === undefined && settleMs === 0) continue; // nothing is stored with it, so there is nothing to make unusable
        const settlesAt = Math.max(own?.settlesAt ?? 0, settleMs > 0 ? version + settleMs * 1_000 : 0);
        const untilMs = Math.max(own?.untilMs ?? 0, settlesAt === 0 ? 0 : Math.ceil(settlesAt / 1_000) + beyondMs);
        put(tag, { version, hard: soft ? (own?.hard ?? version) : version, settlesAt, untilMs });
      }
      forget();
    },
    forget: (tags) => {
      for (const tag of tags) {
        const own = known(tag);
        const version = tick();
        lastRaise = version;
        buckets[bucketOf(tag)] = version;
        for (const versions of [held, loose, settling]) versions.delete(tag);
        if (own === undefined || own.settlesAt <= version) continue;
        settling.set(tag, { version, hard: version, settlesAt: own.settlesAt, untilMs: Math.ceil(own.settlesAt / 1_000) + beyondMs });
      }
    },
    names: () => [held, loose, settling].flatMap((versions) => [...versions.keys()]),
    raiseAll: () => {
      floor = tick();
      lastRaise = floor;
    },
    raisedSince: (startedAt) => lastRaise > startedAt,
    retain: (tags) => {
      for (const tag of tags) {
        const holding = held.get(tag);
        const version = known(tag);
        if (holding !== undefined) holding.count++;
        else if (version !== undefined) {
          loose.delete(tag);
          settling.delete(tag);
          held.set(tag, { count: 1, version });
        }
      }
    },
    release: (tags) => {
      for (const tag of tags) {
        const holding = held.get(tag);
        if (holding === undefined || --holding.count > 0) continue;
        held.delete(tag);
        put(tag, holding.version);
      }
      forget();
    },
  };
}
