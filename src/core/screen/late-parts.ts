import { Fault } from '../kit/fault.ts';
import { newRun, type Run, type State } from './parts-run.ts';

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
