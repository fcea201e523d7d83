import type { Clock } from '../core/kit/clock.ts';
import { asCallError, CallError } from './call-error.ts';
import { type Calls, isTemporary } from './calls.ts';
import { waitMs } from './stream/retry-waits.ts';

/** Calls that may wait for a network. */
const waitingMax = 100;

export type OfflineQueue = {
  /**
   * Sends a call as soon as it can be sent, after all that were added before it. Each repetition carries the same
   * idempotency key, so that it is executed once.
   * @throws CallError a definite failure, which the calls behind it do not wait for; QUEUE_FULL when 100 wait
   */
  add(path: string, request: Uint8Array, idempotencyKey: string): Promise<Uint8Array>;
  /** Tries at once: the network is back. */
  wake(): void;
  /** Calls that wait. */
  readonly size: number;
  /** Refuses all that wait: another user must not send them. */
  clear(): void;
  /** The same, and all that come. */
  close(): void;
};

type Waiting = {
  readonly send: () => Promise<Uint8Array>;
  readonly resolve: (answer: Uint8Array) => void;
  readonly reject: (error: unknown) => void;
};

/** Writes of an app that is offline now and then. It lives with the process: an app stores what it must not lose. */
export function openOfflineQueue(calls: Pick<Calls, 'once'>, clock: Clock, random: () => number): OfflineQueue {
  const waiting: Waiting[] = [];
  let running = false;
  let wake = () => {};
  let closed = false;
  const pause = (ms: number) =>
    new Promise<void>((resolve) => {
      const cancel = clock.after(ms, resolve);
      wake = () => {
        cancel();
        resolve();
      };
    });
  const run = async () => {
    running = true;
    for (let failures = 0; waiting.length > 0 && !closed; ) {
      const first = waiting[0] as Waiting;
      const { send, resolve, reject } = first;
      try {
        resolve(await send());
        failures = 0;
      } catch (error) {
        const failed = asCallError(error);
        if (isTemporary(failed)) {
          failures++;
          await pause(Math.max(failed.retryAfterMs ?? 0, 1_000, waitMs(failures + 1, random())));
          continue;
        }
        reject(error);
      }
      if (waiting[0] === first) waiting.shift();
    }
    running = false;
  };
  const clear = () => {
    for (const { reject } of waiting.splice(0)) reject(new CallError('CANCELLED', 'The client was closed, or its session has ended.'));
    wake();
  };
  return {
    get size() {
      return waiting.length;
    },
    wake: () => wake(),
    add: (path, request, idempotencyKey) =>
      new Promise((resolve, reject) => {
        if (waiting.length >= waitingMax || closed) {
          reject(new CallError('RESOURCE_EXHAUSTED', `QUEUE_FULL: ${waiting.length} calls wait for a network.`));
          return;
        }
        const send = async () => (await calls.once(path, request, { 'idempotency-key': idempotencyKey })).message;
        waiting.push({ send, resolve, reject });
        if (!running) void run();
      }),
    clear,
    close: () => {
      closed = true;
      clear();
    },
  };
}
