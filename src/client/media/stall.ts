import { CallError } from '../call-error.ts';

/** Milliseconds. */
const stalledMs = 60_000;

/** Ends a transfer whose next bytes take too long, so that it is resumed. */
export type Stall = {
  /** Aborted when the transfer has stalled, or when the given signal is. */
  readonly signal: AbortSignal;
  /** The network is waited for, anew from now on. */
  waits(): void;
  /** It is not: the app reads or writes, or all is done. */
  rests(): void;
  /** What the failure of the transfer is, if it has stalled. */
  errorOf(error: unknown): CallError | undefined;
};

export function openStall(given: AbortSignal, what: string): Stall {
  const stalled = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const rests = () => clearTimeout(timer);
  return {
    signal: AbortSignal.any([given, stalled.signal]),
    rests,
    waits: () => {
      rests();
      timer = setTimeout(() => stalled.abort(), stalledMs);
    },
    errorOf: (error) =>
      stalled.signal.aborted ? new CallError('UNAVAILABLE', `${what} has stalled: no byte came for ${stalledMs} ms.`, [], error) : undefined,
  };
}
