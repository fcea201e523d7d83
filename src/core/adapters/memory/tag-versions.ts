import type { Clock } from '../../kit/clock.ts';
import type { Standing, TagVersions } from '../../ports/tag-versions.ts';

/** `hard`: the version that the last raise gave that was not soft. `settlesAt`: microseconds since 1970. `untilMs`: when every answer begun with this tag is over. */
type Version = { readonly version: number; readonly hard: number; readonly settlesAt: number; readonly untilMs: number };

/**
 * Tag versions of one process. Lost with it, as its answers are.
 * @param keepMs the longest life of an answer, stale time included: whole milliseconds
 * @param tagsMax most tags that are known at once. A tag takes about 170 bytes and its own length
 */
export function memoryTagVersions({ clock, keepMs, tagsMax = 200_000 }: { clock: Clock; keepMs: number; tagsMax?: number }): TagVersions {
  const known = new Map<string, Version>(); // in the order of their last touch, so the first is the one to forget
  let lastTick = 0;
  let forgottenUpTo = 0; // the highest version that was forgotten: a late tag without a version may have had this one

  /** Rises by at least 1 with every use, so that no two events have the same time. */
  const tick = () => {
    lastTick = Math.max(lastTick + 1, clock.nowMs() * 1_000);
    return lastTick;
  };
  const touch = (tag: string, version: Omit<Version, 'untilMs'>) => {
    known.delete(tag);
    known.set(tag, { ...version, untilMs: clock.nowMs() + keepMs });
  };
  /** The version of a tag that is used now, a new one where it has none. */
  const use = (tag: string, startedAt: number): number => {
    const found = known.get(tag) ?? { version: startedAt, hard: startedAt, settlesAt: 0 };
    touch(tag, found);
    return found.version;
  };
  const forget = () => {
    const nowMs = clock.nowMs();
    for (const [tag, { version, untilMs }] of known) {
      if (known.size <= tagsMax && nowMs < untilMs) return;
      known.delete(tag);
      forgottenUpTo = Math.max(forgottenUpTo, version);
    }
  };
  const settling = (tags: readonly string[], at: number) => tags.some((tag) => (known.get(tag)?.settlesAt ?? 0) > at);

  return {
    standing: (tags, versions) => {
      let worst: Standing = 'unmoved';
      for (let i = 0; i < tags.length; i++) {
        const now = known.get(tags[i] as string);
        const then = versions[i] as number;
        if (now?.version === then) continue;
        if (now === undefined || now.hard > then || now.version < then) return 'moved';
        worst = 'soft';
      }
      return worst;
    },
    begin: (tags) => {
      const startedAt = tick();
      const versions = tags.map((tag) => use(tag, startedAt));
      forget();
      return { startedAt, versions, settling: settling(tags, startedAt) };
    },
    late: (tags, startedAt) => {
      const moved = (tag: string) => (known.get(tag)?.version ?? forgottenUpTo) > startedAt;
      if (tags.some(moved)) return undefined;
      const versions = tags.map((tag) => use(tag, tick()));
      forget();
      return { versions, settling: settling(tags, startedAt) };
    },
    raise: (tags, { soft = false, settleMs = 0 } = {}) => {
      for (const tag of tags) {
        const version = tick();
        const before = known.get(tag);
        // a soft raise of a tag that nobody knows makes nothing unusable that is usable now
        const hard = soft ? (before?.hard ?? version) : version;
        touch(tag, { version, hard, settlesAt: Math.max(before?.settlesAt ?? 0, settleMs > 0 ? version + settleMs * 1_000 : 0) });
      }
      forget();
    },
  };
}
