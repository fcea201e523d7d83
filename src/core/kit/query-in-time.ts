import type { Clock } from './clock.ts';
import { Fault } from './fault.ts';

/** Milliseconds. */
const answerMs = 5_000;

/**
 * Bounds the wait for a query of the database, where other work waits for the end of this wait. Its connection may lead
 * nowhere, and the pool gives it up much later: asked again, the database answers on another one.
 * @throws Fault STORAGE_DOWN after 5 seconds. The query itself goes on
 */
export function queryInTime<T>(clock: Clock, query: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const cancel = clock.after(answerMs, () => reject(new Fault('STORAGE_DOWN', 'The database does not answer.')));
    query.then(resolve, reject).finally(cancel);
  });
}
