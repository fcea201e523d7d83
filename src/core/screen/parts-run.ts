import type { Clock } from '../kit/clock.ts';

/** A part that has been started. Its promise never rejects. */
export type State = { settled: boolean; value: unknown; error: unknown; failed: boolean; promise: Promise<void> };

/** The parts of one call: kept between the passes of a stream form, so that each starts once. */
export type Run = {
  readonly clock: Clock;
  /**
   * The end of parts: a margin before the end of the call, so that completed parts still reach the client. Milliseconds
   * since 1970.
   */
  readonly partsEndAtMs: number | undefined;
  /** True: `fanOut` returns as soon as all required parts are available, and names the rest as pending. */
  readonly soFar: boolean;
  readonly states: Map<string, State>;
  /** Parts that the last pass has named. */
  readonly named: Set<string>;
  /** Whether an optional part of the last pass was missing. */
  missing: boolean;
  pending: boolean;
};

/** The key of the run in a screen's context. */
export const runOf = Symbol('the run of a screen');
/** What `fanOut` needs of a context. */
export type WithRun = { readonly [runOf]: Run };

export function newRun(options: Pick<Run, 'clock' | 'partsEndAtMs' | 'soFar'>): Run {
  return { ...options, states: new Map(), named: new Set(), missing: false, pending: false };
}

export function startPart(start: () => Promise<unknown>): State {
  const state: State = { settled: false, value: undefined, error: undefined, failed: false, promise: Promise.resolve() };
  const settle = (failed: boolean, value: unknown, error: unknown) => {
    if (state.settled) return; // after the time limit a late answer has no effect
    Object.assign(state, { settled: true, failed, value, error });
  };
  // synchronously: a part that throws at once is a failed part, not a failed screen
  state.promise = new Promise<unknown>((resolve) => resolve(start())).then(
    (value) => settle(false, value, undefined),
    (error: unknown) => settle(true, undefined, error),
  );
  return state;
}
