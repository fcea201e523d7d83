import type { Clock } from '../kit/clock.ts';
import { marginMs } from '../kit/deadline-margin.ts';
import { Fault } from '../kit/fault.ts';
import type { ReadyCall } from '../ports/call.ts';

/**
 * When a call has to be answered by what there is, so that it still gets to the client: milliseconds from now.
 * Undefined for a call without a deadline.
 */
export function timeToAnswer({ deadlineAtMs }: ReadyCall, clock: Clock): { readonly afterMs: number; readonly fault: () => Fault } | undefined {
  if (deadlineAtMs === undefined) return undefined;
  const leftMs = deadlineAtMs - clock.nowMs();
  const fault = () =>
    new Fault('DEADLINE_EXCEEDED', `The answer was not computed within ${leftMs} ms.`, { metadata: { deadlineMs: String(leftMs) } });
  return { afterMs: Math.max(0, leftMs - marginMs(leftMs)), fault };
}

/**
 * Waits until shortly before the call's deadline: then there is still time to send the old answer.
 * @param onLate is called before it fails
 */
export function untilLate<T>(call: ReadyCall, clock: Clock, waited: Promise<T>, onLate: () => void): Promise<T> {
  const time = timeToAnswer(call, clock);
  if (time === undefined) return waited;
  return new Promise((resolve, reject) => {
    const cancelTimer = clock.after(time.afterMs, () => {
      onLate();
      reject(time.fault());
    });
    waited.then(resolve, reject).finally(cancelTimer);
  });
}
