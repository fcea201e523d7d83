import type { Clock } from '../kit/clock.ts';
import { Fault } from '../kit/fault.ts';
import type { Answer, Interceptor } from '../ports/call.ts';
import { tapped } from './tap-messages.ts';

/**
 * Ends the call at its deadline: the client's, or the policy's if that is earlier. The answer is raced, not only
 * signalled: work that ignores its signal is abandoned, and its end is awaited elsewhere.
 */
export function deadline(clock: Clock): Interceptor<unknown, unknown> {
  return function deadline(call, next) {
    const nowMs = clock.nowMs();
    const ofPolicy = call.plan.deadlineMs === undefined ? undefined : nowMs + call.plan.deadlineMs;
    const deadlineAtMs = sooner(call.deadlineAtMs, ofPolicy);
    if (deadlineAtMs === undefined) return next(call);
    const deadlineMs = Math.max(0, deadlineAtMs - nowMs);
    const fault = () =>
      new Fault('DEADLINE_EXCEEDED', `The call was not answered within ${deadlineMs} ms.`, { metadata: { deadlineMs: String(deadlineMs) } });
    if (deadlineMs === 0) throw fault();
    const controller = new AbortController();
    if (call.signal.aborted) controller.abort(call.signal.reason);
    const answer = next({ ...call, deadlineAtMs, signal: controller.signal });
    if (!(answer instanceof Promise) && answer.body instanceof Uint8Array) return answer; // nothing is left to wait for
    // One listener that is never removed: it lives as long as the call's own signal.
    call.signal.addEventListener('abort', () => controller.abort(call.signal.reason), { once: true });
    return new Promise((resolve, reject) => {
      const cancel = clock.after(deadlineMs, () => {
        const reason = fault();
        controller.abort(reason);
        reject(reason);
      });
      call.onEnd(cancel); // the deadline of a stream applies until its last message
      Promise.resolve(answer).then((made) => resolve(withinTime(made, controller.signal)), reject);
    });
  };
}

function withinTime(answer: Answer, signal: AbortSignal): Answer {
  return answer.body instanceof Uint8Array ? answer : { ...answer, body: tapped(answer.body, { until: signal }) };
}

function sooner(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return Math.min(a, b);
}
