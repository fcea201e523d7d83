import type { Soon } from '../kit/soon.ts';
import type { Answer } from '../ports/call.ts';
import { tapped } from './tap-messages.ts';

/**
 * The answer of `make`, until the signal is aborted. Then the wait fails with the signal's reason. The answer is raced,
 * not only signalled, because its computation may ignore the signal. An abandoned answer is closed, and its rejection
 * is ignored.
 */
export async function untilAborted(signal: AbortSignal, make: () => Soon<Answer>): Promise<Answer> {
  const answer = await raced(signal, Promise.resolve(make()));
  return answer.body instanceof Uint8Array ? answer : { ...answer, body: tapped(answer.body, { until: signal }) };
}

/** One listener for each wait, which Node frees with the wait. */
function raced<T>(signal: AbortSignal, waited: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    waited.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
