import type { Clock } from '../kit/clock.ts';
import { Fault } from '../kit/fault.ts';
import { UpstreamError } from './upstream-errors.ts';

/** A part of a screen. Its function runs at most once per call. */
export type Part<T> = { readonly required: boolean; readonly start: () => Promise<T> };
export type RequiredPart<T> = Part<T> & { readonly required: true };
export type OptionalPart<T> = Part<T> & { readonly required: false };

/** A part that the screen requires: its failure is the failure of the screen. */
export function required<T>(start: () => Promise<T>): RequiredPart<T> {
  return { required: true, start };
}

/** A part that may be missing. If it is late or fails, it is absent and named with its reason. */
export function optional<T>(start: () => Promise<T>): OptionalPart<T> {
  return { required: false, start };
}

/** Compatible with portico.v1.MissingPart. */
export type Missing = { readonly name: string; readonly reason: string };

type Parts = Readonly<Record<string, RequiredPart<unknown> | OptionalPart<unknown>>>;
export type FanOut<P extends Parts> = {
  readonly parts: { readonly [K in keyof P]: P[K] extends RequiredPart<infer T> ? T : P[K] extends OptionalPart<infer T> ? T | undefined : never };
  /** Optional parts that failed or were late. */
  readonly missing: Missing[];
  /** Optional parts that are still pending: only in the stream form of a screen. */
  readonly pending: string[];
};

/**
 * Runs parts in parallel and waits for them, until shortly before the call's deadline.
 * @param context the screen's own context
 * @param parts by name: a name identifies one part in all `fanOut`s of a screen, because a stream form runs the screen
 * again and finds its parts by name
 * @throws the failure of a required part; Error when two parts of a screen have the same name
 */
export async function fanOut<P extends Parts>(context: WithRun, parts: P): Promise<FanOut<P>> {
  const run = context[runOf];
  const names = Object.keys(parts);
  const states = names.map((name) => {
    if (run.named.has(name))
      throw new Error(
        `Two parts of this screen are called ${name}: the second would be given what the first one got. (In a test: each call needs a context of its own.)`,
      );
    run.named.add(name);
    const known = run.states.get(name);
    if (known !== undefined) return known;
    const state = startPart((parts[name] as Part<unknown>).start);
    run.states.set(name, state);
    return state;
  });
  const waitsFor = names
    .map((name, i) => ({ name, state: states[i] as State, required: parts[name]?.required === true }))
    .filter(({ required }) => required || !run.soFar);
  await untilSettled(waitsFor, run);
  return collect(names, states, parts, run) as FanOut<P>;
}

/** Waits for all parts, for the first failure of a required one, or for the time limit. */
async function untilSettled(parts: readonly { name: string; state: State; required: boolean }[], run: Run): Promise<void> {
  const open = parts.filter(({ state }) => !state.settled);
  if (open.length === 0) return;
  const all = Promise.all(open.map(({ state }) => state.promise));
  const failure = new Promise<void>((resolve) => {
    for (const { state, required } of open) if (required) void state.promise.then(() => state.failed && resolve());
  });
  await inTime(
    run,
    open.map(({ name, state }) => [name, state]),
    Promise.race([all, failure]),
  );
}

function collect(names: readonly string[], states: readonly State[], parts: Parts, run: Run) {
  const values: Record<string, unknown> = {};
  const missing: Missing[] = [];
  const pending: string[] = [];
  for (const [i, name] of names.entries()) {
    const state = states[i] as State;
    if (!state.settled) pending.push(name);
    else if (!state.failed) values[name] = state.value;
    else if (parts[name]?.required) throw state.error;
    else missing.push({ name, reason: reasonOf(state.error) });
  }
  run.missing ||= missing.length > 0;
  run.pending ||= pending.length > 0;
  return { parts: values, missing, pending };
}

/** The reason of a missing part. An error without a reason is a defect of the screen. */
export function reasonOf(error: unknown): string {
  if (error instanceof UpstreamError) return error.fault.reason;
  return error instanceof Fault ? error.reason : 'INTERNAL';
}

/** A part that has been started. Its promise never rejects. */
type State = { settled: boolean; value: unknown; error: unknown; failed: boolean; promise: Promise<void> };

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

function startPart(start: () => Promise<unknown>): State {
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
