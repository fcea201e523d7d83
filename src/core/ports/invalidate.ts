import type { RaiseOptions } from './tag-versions.ts';

/**
 * Makes every cached answer with one of the tags unusable. When the promise has resolved, no replica serves an older
 * answer as fresh.
 * @param tags 1 to 64 of at most 256 printable ASCII characters
 * @throws Fault STORE_DOWN when the shared store did not confirm it
 */
export type Invalidate = (tags: readonly string[], options?: RaiseOptions) => Promise<void>;

/**
 * The same after a write that was executed and must be answered. If the shared store does not confirm the invalidation,
 * this replica keeps it, serves no answer with its tags, and sends it again until it is confirmed.
 */
export type InvalidateWritten = (tags: readonly string[], options?: RaiseOptions) => Promise<void>;

/**
 * Calls back with tags that were invalidated, here or at another replica, soon after that was true. It is for
 * promptness only, since events may be lost. Only the versions are certain. The callback is called synchronously, and
 * must not throw. Without tags, some events were lost, and now they are received again.
 * @returns takes the callback off again
 */
export type OnInvalidated = (callback: (tags: readonly string[] | undefined) => void) => () => void;
