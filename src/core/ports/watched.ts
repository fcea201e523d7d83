import type { Soon } from '../kit/soon.ts';

/** An answer that was computed or found for clients that watch it: never an old one, unless `verified` is false. */
export type Watched = {
  /** Of the cache: the same for all calls whose answers are the same. */
  readonly key: string;
  /** With its quotes; undefined for a partial answer. */
  readonly etag: string | undefined;
  /** All its tags; undefined when they cannot be followed (too many, or malformed). */
  readonly tags: readonly string[] | undefined;
  /** False: the shared store could not be asked whether a newer answer is needed. */
  readonly verified: boolean;
  /** In this process, the answer with the greater number was verified later. */
  readonly sequence: number;
  /** What is left of its fresh time, in milliseconds; undefined: it was not stored, or not verified. */
  readonly freshForMs: number | undefined;
  /** Whether none of its tags was invalidated since, as far as the shared store can be asked. */
  isCurrent(): Soon<boolean>;
};
