import type { Push } from './push-queue.ts';

/** The answer of a platform to one push. */
export type PushOutcome =
  /** The platform has accepted it. Whether the device gets it is not known. */
  | { readonly kind: 'sent' }
  /** The token is of no use any more. @param atMs since when, in milliseconds since 1970; undefined: it was not said */
  | { readonly kind: 'dead'; readonly atMs: number | undefined; readonly reason: string }
  /** The same push would be refused again. */
  | { readonly kind: 'refused'; readonly reason: string }
  /**
   * It may succeed later.
   * @param afterMs as the platform says; undefined: it was not said
   * @param all nothing else will be accepted before either
   * @param mayBeSent the platform may have accepted it, and its answer was lost
   */
  | {
      readonly kind: 'later';
      readonly afterMs: number | undefined;
      readonly all: boolean;
      readonly mayBeSent: boolean;
      readonly reason: string;
    };

/** A platform. Both functions never reject. */
export type PushSender = {
  /** @param signal ends the attempt: whether the push was sent is then unknown */
  send(push: Push, signal: AbortSignal): Promise<PushOutcome>;
  close(): Promise<void>;
};
