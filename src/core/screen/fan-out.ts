import { Fault } from '../kit/fault.ts';
import { inTime, type Run, runOf, type State, startPart, type WithRun } from './run-parts.ts';
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
