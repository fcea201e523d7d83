import type { RaiseOptions } from './tag-versions.ts';

/**
 * Makes every remembered answer with one of the tags unusable. When the promise has resolved, no replica serves an older answer as fresh.
 * @param tags 1 to 64 of at most 256 printable ASCII characters
 * @throws Fault STORE_DOWN when the store that replicas share cannot be told
 */
export type Invalidate = (tags: readonly string[], options?: RaiseOptions) => Promise<void>;

/** The same after a write that is done and must be answered: what the shared store could not be told is kept, not served by this replica, and told again until it is done. */
export type InvalidateWritten = (tags: readonly string[], options?: RaiseOptions) => Promise<void>;
