import type { SoFar } from '../../ports/cached-stream.ts';
import type { Computed } from '../computed-answer.ts';
import type { Flight } from './flight.ts';

/** The end of one stream: an answer, a failure, or its own deadline. */
export type Ended = { readonly computed: Computed } | { readonly error: unknown } | { readonly late: Error };

/**
 * Takes the answers so far of a flight to one stream: only ever the newest, so that a client that reads slowly costs
 * nothing. It is following, ended, or closed.
 */
export type Relay = {
  /** Instead of a flight that was followed before. */
  follow(flight: Flight<Computed>): void;
  latest(): SoFar | undefined;
  /** An answer so far that was not given yet, or the end. */
  next(): Promise<SoFar | Ended>;
  /** The first end counts. */
  end(ended: Ended): void;
  close(): void;
};

export function openRelay(): Relay {
  let unfollow = () => {};
  let latest: SoFar | undefined;
  let given: SoFar | undefined;
  let ended: Ended | undefined;
  let wake = () => {};
  return {
    follow: (flight) => {
      unfollow();
      unfollow = flight.follow((soFar) => {
        latest = soFar;
        wake();
      });
    },
    latest: () => latest,
    next: async () => {
      for (;;) {
        if (ended !== undefined) return ended;
        if (latest !== undefined && latest !== given) {
          given = latest;
          return latest;
        }
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    },
    end: (how) => {
      ended ??= how;
      wake();
    },
    close: () => unfollow(),
  };
}
