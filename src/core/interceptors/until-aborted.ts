import type { Soon } from '../kit/soon.ts';
import type { Answer } from '../ports/call.ts';
import { pulled } from './stream-body.ts';

/**
 * The answer of `make`, until the signal is aborted: then what is waited for fails with the signal's reason, raced and not only signalled, because what makes an answer may not
 * heed its signal. What was left behind is closed and its end awaited by nobody; its rejection is taken.
 */
export async function untilAborted(signal: AbortSignal, make: () => Soon<Answer>): Promise<Answer> {
  const answer = await raced(signal, Promise.resolve(make()));
  return answer.body instanceof Uint8Array ? answer : { ...answer, body: bodyUntilAborted(signal, pulled(answer.body, signal)) };
}

/** One listener for each wait: Node frees it with the wait. */
function raced<T>(signal: AbortSignal, waited: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    waited.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}

/** Per message it costs one promise; the listener is one for the whole stream. */
function bodyUntilAborted(signal: AbortSignal, body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  return {
    [Symbol.asyncIterator]() {
      const inner = body[Symbol.asyncIterator]();
      let waiting: ((reason: unknown) => void) | undefined;
      const abort = () => {
        waiting?.(signal.reason);
        inner.return?.().catch(() => {}); // it was left behind: how it ends no longer matters to anybody
      };
      if (signal.aborted) abort();
      else signal.addEventListener('abort', abort, { once: true });
      const over = () => signal.removeEventListener('abort', abort);
      return {
        next: () =>
          new Promise((resolve, reject) => {
            if (signal.aborted) return reject(signal.reason);
            waiting = reject;
            inner.next().then(
              (result) => {
                if (result.done) over();
                resolve(result);
              },
              (error: unknown) => {
                over();
                reject(error);
              },
            );
          }),
        return: async () => {
          over();
          await inner.return?.();
          return { done: true, value: undefined };
        },
      };
    },
  };
}
