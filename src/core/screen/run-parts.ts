import type { Clock } from '../kit/clock.ts';
import { Fault } from '../kit/fault.ts';

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

/** Waits for `waited`, or for the time limit of parts: pending ones then fail with UPSTREAM_TIMEOUT. */
export async function inTime(
  { clock, partsEndAtMs }: Run,
  open: readonly (readonly [name: string, State])[],
  waited: Promise<unknown>,
): Promise<void> {
  if (partsEndAtMs === undefined) {
    await waited;
    return;
  }
  let cancel = () => {};
  const late = new Promise<void>((resolve) => {
    cancel = clock.after(Math.max(0, partsEndAtMs - clock.nowMs()), () => {
      for (const [name, state] of open) if (!state.settled) Object.assign(state, { settled: true, failed: true, error: lateFault(name) });
      resolve();
    });
  });
  await Promise.race([waited, late]);
  cancel();
}

/** The same parts as if their time were over now: what is not there is late. The run itself goes on. */
export function endedRun(run: Run): Run {
  const ended = [...run.states].map(([name, state]): [string, State] => [
    name,
    state.settled ? state : { ...state, settled: true, failed: true, error: lateFault(name) },
  ]);
  return { ...newRun({ clock: run.clock, partsEndAtMs: run.clock.nowMs(), soFar: false }), states: new Map(ended) };
}

function lateFault(name: string): Fault {
  return new Fault('UPSTREAM_TIMEOUT', `The part ${name} was not there in time.`, { metadata: { part: name } });
}
