import type { Clock } from '../kit/clock.ts';
import { Fault } from '../kit/fault.ts';
import { UpstreamError } from './upstream-error.ts';

/** A part of a screen. Its function runs at most once per call. */
export type Part<T> = { readonly required: boolean; readonly start: () => Promise<T> };
export type RequiredPart<T> = Part<T> & { readonly required: true };
export type OptionalPart<T> = Part<T> & { readonly required: false };

/** A part without which there is no screen: its failure is the screen's. */
export function required<T>(start: () => Promise<T>): RequiredPart<T> {
  return { required: true, start };
}

/** A part that may be missing: late or failed it is absent, and named with its reason. */
export function optional<T>(start: () => Promise<T>): OptionalPart<T> {
  return { required: false, start };
}

/** Fits portico.v1.MissingPart. */
export type Missing = { readonly name: string; readonly reason: string };

type Parts = Readonly<Record<string, RequiredPart<unknown> | OptionalPart<unknown>>>;
export type FanOut<P extends Parts> = {
  readonly parts: { readonly [K in keyof P]: P[K] extends RequiredPart<infer T> ? T : P[K] extends OptionalPart<infer T> ? T | undefined : never };
  /** Optional parts that failed or were late. */
  readonly missing: Missing[];
  /** Optional parts that are still on their way: only in the stream form of a screen. */
  readonly pending: string[];
};

type State = { settled: boolean; value: unknown; error: unknown; failed: boolean; promise: Promise<void> };

/** The parts of one call: kept between the passes of a stream form, so that each starts once. */
export type Run = {
  readonly clock: Clock;
  /** When parts end: a margin before the call does, so that what is there still gets to the client. Milliseconds since 1970. */
  readonly partsEndAtMs: number | undefined;
  /** True: `fanOut` returns as soon as all required parts are there, and names the rest as pending. */
  readonly soFar: boolean;
  readonly states: Map<string, State>;
  /** Parts that the last pass has named. */
  readonly named: Set<string>;
  /** Whether an optional part of the last pass was missing. */
  missing: boolean;
  pending: boolean;
};

const runs = new WeakMap<object, Run>();
/** Binds a context to its run. */
export function bindRun(context: object, run: Run): void {
  runs.set(context, run);
}

/**
 * Runs parts in parallel and waits for them, until shortly before the call's deadline.
 * @param context the screen's context, as it was handed to the screen
 * @param parts by name: one name is one part in all `fanOut`s of a screen, since a stream form runs the screen again and finds its parts by it
 * @throws the failure of a required part; Error when a screen names two parts alike
 */
export async function fanOut<P extends Parts>(context: object, parts: P): Promise<FanOut<P>> {
  const run = runs.get(context);
  if (run === undefined) throw new Error('fanOut takes the context that the screen was given.');
  const names = Object.keys(parts);
  const states = names.map((name) => {
    if (run.named.has(name))
      throw new Error(
        `Two parts of this screen are called ${name}: the second would be given what the first one got. (In a test: each call needs a context of its own.)`,
      );
    run.named.add(name);
    const known = run.states.get(name);
    if (known !== undefined) return known;
    const state = begin((parts[name] as Part<unknown>).start);
    run.states.set(name, state);
    return state;
  });
  const waitsFor = names
    .map((name, i) => ({ name, state: states[i] as State, required: parts[name]?.required === true }))
    .filter(({ required }) => required || !run.soFar);
  await untilSettled(waitsFor, run);
  return collect(names, states, parts, run) as FanOut<P>;
}

function begin(start: () => Promise<unknown>): State {
  const state: State = { settled: false, value: undefined, error: undefined, failed: false, promise: Promise.resolve() };
  const settle = (failed: boolean, value: unknown, error: unknown) => {
    if (state.settled) return; // its time was over: a late answer changes nothing
    Object.assign(state, { settled: true, failed, value, error });
  };
  // `then` in the same breath: a part that throws at once is a failed part, not a failed screen
  state.promise = new Promise<unknown>((resolve) => resolve(start())).then(
    (value) => settle(false, value, undefined),
    (error: unknown) => settle(true, undefined, error),
  );
  return state;
}

/** Waits for all, for the first required one that fails, or for the end of time; those late are then failed with UPSTREAM_TIMEOUT. */
async function untilSettled(parts: readonly { name: string; state: State; required: boolean }[], { clock, partsEndAtMs }: Run): Promise<void> {
  const open = parts.filter(({ state }) => !state.settled);
  if (open.length === 0) return;
  const all = Promise.all(open.map(({ state }) => state.promise));
  const failure = new Promise<void>((resolve) => {
    for (const { state, required } of open) if (required) void state.promise.then(() => state.failed && resolve());
  });
  if (partsEndAtMs === undefined) {
    await Promise.race([all, failure]);
    return;
  }
  let cancel = () => {};
  const late = new Promise<void>((resolve) => {
    cancel = clock.after(Math.max(0, partsEndAtMs - clock.nowMs()), () => {
      for (const { name, state } of open) {
        if (!state.settled) Object.assign(state, { settled: true, failed: true, error: lateFault(name) });
      }
      resolve();
    });
  });
  await Promise.race([all, failure, late]);
  cancel();
}

/** Why a part that was not there in time is missing. */
export function lateFault(name: string): Fault {
  return new Fault('UPSTREAM_TIMEOUT', `The part ${name} was not there in time.`, { metadata: { part: name } });
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

/** The reason a missing part is named with; what nobody gave a reason is a defect of the screen. */
export function reasonOf(error: unknown): string {
  if (error instanceof UpstreamError) return error.fault.reason;
  return error instanceof Fault ? error.reason : 'INTERNAL';
}
