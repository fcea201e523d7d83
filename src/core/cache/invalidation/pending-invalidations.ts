import type { Clock } from '../../kit/clock.ts';
import { partitionOf } from '../../kit/partitions.ts';
import type { RaiseOptions, TagVersions } from '../../ports/tag-versions.ts';
import type { CacheCounts } from '../cache-metrics.ts';

/**
 * The largest number of pending tags, of about 400 bytes each. Beyond it the oldest is counted as dropped, and all tags
 * are raised in its place.
 */
const tagsMax = 10_000;
const retryMs = 500;
/** Tags of one raise, and concurrent raises: 10,000 tags are sent within a second. */
const batchMax = 256;
const atOnce = 8;

/** Invalidations of executed writes that the shared store has not confirmed. */
export type Pending = {
  /** Whether one of these tags is pending; all are, while more were pending than are kept. */
  has(tags: readonly string[]): boolean;
  /** Whether there are any: then it is unknown whether nothing was invalidated. */
  hasAny(): boolean;
  add(tags: readonly string[], options: RaiseOptions): void;
  close(): void;
};

type PendingParts = {
  readonly versions: TagVersions;
  readonly clock: Clock;
  readonly counts: CacheCounts;
  readonly keepMs: number;
  /** Receives the tags that the shared store has confirmed; undefined: all tags. */
  readonly onSent: (tags: readonly string[] | undefined) => void;
};

type Kept = { readonly options: RaiseOptions; readonly untilMs: number };

/**
 * Retries them until they are confirmed, or until all their answers have expired.
 * @param keepMs the longest life of an answer: whole milliseconds
 */
export function pendingInvalidations({ versions, clock, counts, keepMs, onSent }: PendingParts): Pending {
  const tags = new Map<string, Kept>(); // the oldest first
  let everythingUntilMs = 0; // after an overflow
  let cancel: (() => void) | undefined;
  let closed = false;

  const isOverflown = () => everythingUntilMs > 0;
  const counted = () => {
    counts.pending.now = tags.size;
  };
  const again = () => {
    cancel ??= clock.after(retryMs, () => void send());
  };
  const sendBatch = async (batch: readonly (readonly [string, Kept])[]) => {
    const sent = batch.map(([tag]) => tag);
    await versions.raise(sent, batch[0]?.[1].options);
    for (const [tag, kept] of batch) if (tags.get(tag) === kept) tags.delete(tag); // added again meanwhile: to be sent once more
    onSent(sent);
    counted();
  };
  const raiseEverything = async () => {
    const untilMs = everythingUntilMs;
    await versions.raiseAll();
    if (everythingUntilMs === untilMs) everythingUntilMs = 0;
    onSent(undefined);
  };
  const send = async () => {
    const nowMs = clock.monotonicMs(); // a clock that is set forth must not drop what other replicas still need
    for (const [tag, kept] of tags) if (kept.untilMs <= nowMs) tags.delete(tag);
    if (everythingUntilMs <= nowMs) everythingUntilMs = 0;
    const batches = batchesOf([...tags]).map((batch) => () => sendBatch(batch));
    if (isOverflown()) batches.push(raiseEverything);
    const next = async () => {
      // a failed raise stays pending, delays no other, and is retried
      for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) await batch().catch(() => {});
    };
    await Promise.all(Array.from({ length: atOnce }, next));
    counted();
    cancel = undefined;
    if ((tags.size > 0 || isOverflown()) && !closed) again();
  };
  return {
    has: (some) => isOverflown() || (tags.size > 0 && some.some((tag) => tags.has(tag))),
    hasAny: () => isOverflown() || tags.size > 0,
    add: (added, options) => {
      const untilMs = clock.monotonicMs() + keepMs;
      for (const tag of added) {
        const before = tags.get(tag)?.options;
        tags.delete(tag);
        tags.set(tag, { options: before === undefined ? options : bothOf(before, options), untilMs });
      }
      for (const oldest of tags.keys()) {
        if (tags.size <= tagsMax) break;
        tags.delete(oldest);
        counts.pending.dropped++;
        everythingUntilMs = untilMs;
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

/** A raise that does what both would have done: a later one must not make the one before it softer or shorter. */
function bothOf(one: RaiseOptions, other: RaiseOptions): RaiseOptions {
  return { soft: one.soft === true && other.soft === true, settleMs: Math.max(one.settleMs ?? 0, other.settleMs ?? 0) };
}

/** Grouped by the options of the raise and by partition: an unavailable shard delays no other. */
function batchesOf(kept: readonly (readonly [string, Kept])[]): readonly (readonly (readonly [string, Kept])[])[] {
  const groups = Map.groupBy(kept, ([tag, { options }]) => `${partitionOf(tag)} ${options.soft === true} ${options.settleMs ?? 0}`);
  return [...groups.values()].flatMap((group) =>
    Array.from({ length: Math.ceil(group.length / batchMax) }, (_, i) => group.slice(i * batchMax, (i + 1) * batchMax)),
  );
}
