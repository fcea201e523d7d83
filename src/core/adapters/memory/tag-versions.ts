import type { Clock } from '../../kit/clock.ts';
import type { TagVersions } from '../../ports/tag-versions.ts';

/** `untilMs`: when every answer begun with this tag is over. */
type Version = { version: number; untilMs: number };

/**
 * Tag versions of one process. Lost with it, as its answers are.
 * @param keepMs the longest life of an answer, stale time included: whole milliseconds
 * @param tagsMax most tags that are known at once. A tag takes about 150 bytes and its own length
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
  const touch = (tag: string, version: number) => {
    known.delete(tag);
    known.set(tag, { version, untilMs: clock.nowMs() + keepMs });
    return version;
  };
  const forget = () => {
    const nowMs = clock.nowMs();
    for (const [tag, { version, untilMs }] of known) {
      if (known.size <= tagsMax && nowMs < untilMs) return;
      known.delete(tag);
      forgottenUpTo = Math.max(forgottenUpTo, version);
    }
  };

  return {
    unmoved: (tags, versions) => {
      for (let i = 0; i < tags.length; i++) if (known.get(tags[i] as string)?.version !== versions[i]) return false;
      return true;
    },
    begin: (tags) => {
      const startedAt = tick();
      const versions = tags.map((tag) => touch(tag, known.get(tag)?.version ?? startedAt));
      forget();
      return { startedAt, versions };
    },
    late: (tags, startedAt) => {
      const moved = (tag: string) => (known.get(tag)?.version ?? forgottenUpTo) > startedAt;
      if (tags.some(moved)) return undefined;
      const versions = tags.map((tag) => touch(tag, known.get(tag)?.version ?? tick()));
      forget();
      return versions;
    },
    raise: (tags) => {
      for (const tag of tags) touch(tag, tick());
      forget();
    },
  };
}
