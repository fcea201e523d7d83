import type { Clock } from '../kit/clock.ts';
import type { RaiseOptions, TagVersions } from '../ports/tag-versions.ts';
import type { CacheCounts } from './counts.ts';

/** Most tags that are kept to be told later; a tag takes about 400 bytes. Over it the oldest is given up and counted. */
const tagsMax = 10_000;
const retryMs = 500;
/** Tags told at once: a script's worth. */
const batchMax = 64;

/** Invalidations of writes that are done, but that the shared store could not be told. */
export type Pending = {
  has(tag: string): boolean;
  add(tags: readonly string[], options: RaiseOptions): void;
  close(): void;
};

type PendingParts = {
  readonly versions: TagVersions;
  readonly clock: Clock;
  readonly counts: CacheCounts;
  readonly keepMs: number;
  /** Is given the tags that the shared store has been told. */
  readonly onTold: (tags: readonly string[]) => void;
};

/**
 * Tells them again until it is done, or until every answer that they are about is over.
 * @param keepMs the longest life of an answer: whole milliseconds
 */
export function pendingInvalidations(parts: PendingParts): Pending {
  const { versions, clock, counts, keepMs, onTold } = parts;
  const tags = new Map<string, { readonly options: RaiseOptions; readonly untilMs: number }>(); // the oldest first
  let cancel: (() => void) | undefined;
  let closed = false;

  const counted = () => {
    counts.pending.now = tags.size;
  };
  const again = () => {
    cancel ??= clock.after(retryMs, () => {
      void tell();
    });
  };
  const tell = async () => {
    try {
      for (const [tag, kept] of [...tags].slice(0, tagsMax)) if (kept.untilMs <= clock.nowMs()) tags.delete(tag);
      while (tags.size > 0) {
        const [[, { options }] = ['', { options: {} }]] = tags;
        const batch = [...tags].filter(([, kept]) => kept.options === options).slice(0, batchMax);
        const told = batch.map(([tag]) => tag);
        await versions.raise(told, options);
        for (const [tag, kept] of batch) if (tags.get(tag) === kept) tags.delete(tag); // added anew meanwhile: to be told once more
        onTold(told);
        counted();
      }
    } catch {
      // counted as still pending, and told again
    } finally {
      counted();
      cancel = undefined;
      if (tags.size > 0 && !closed) again();
    }
  };
  return {
    has: (tag) => tags.size > 0 && tags.has(tag),
    add: (added, options) => {
      for (const tag of added) {
        tags.delete(tag);
        tags.set(tag, { options, untilMs: clock.nowMs() + keepMs });
      }
      for (const oldest of tags.keys()) {
        if (tags.size <= tagsMax) break;
        tags.delete(oldest);
        counts.pending.dropped++;
      }
      counted();
      again();
    },
    close: () => {
      closed = true;
      cancel?.();
    },
  };
}
