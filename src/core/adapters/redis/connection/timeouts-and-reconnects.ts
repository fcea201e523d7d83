import type { Redis, RedisOptions } from 'ioredis';
import type { Clock } from '../../../kit/clock.ts';

/** The time limit of one command. Milliseconds. */
export const commandTimeoutMs = 250;
export const failuresMax = 3;
export const pingEveryMs = 250;
/** Unanswered PINGs before a new connection replaces this one: a peer that vanished never answers. */
export const pingsMax = 4;
/**
 * A new connection replaces one that is not ready within this time, because the client would wait for ever.
 * Milliseconds.
 */
export const readyWithinMs = 2_000;

/** Options of every connection: no command is queued or sent twice, and a new attempt begins within a second. */
export const connectionOptions: RedisOptions = {
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  autoResendUnfulfilledCommands: false,
  disableClientInfo: true, // the ACL user needs one right less
  connectTimeout: 2_000,
  disconnectTimeout: 200,
  retryStrategy: (times) => Math.min(50 * 2 ** Math.min(times - 1, 5), 1_000),
};

/** A command was not answered in time. It may have been executed. */
export class NoAnswer extends Error {
  constructor(withinMs: number) {
    super(`no answer within ${withinMs} ms`);
    this.name = 'NoAnswer';
  }
}

type Waiting = { readonly sinceMs: number; readonly reject: (error: NoAnswer) => void };

/**
 * Bounds the wait for answers of one connection, with one timer for all of them. A blocked event loop reads the answers
 * from the socket before it decides: a busy process must not take a fast server for a slow one.
 */
export function answersWithin(withinMs: number, clock: Clock): <T>(answer: Promise<T>) => Promise<T> {
  const waiting = new Set<Waiting>(); // in the order of their start
  let armed = false;
  const arm = (delayMs: number) => {
    armed = true;
    clock.after(delayMs, () => setImmediate(rejectLate)); // between a timer and an immediate the loop reads its sockets (Node, "The event loop")
  };
  const rejectLate = () => {
    armed = false;
    const nowMs = clock.monotonicMs();
    for (const one of waiting) {
      const leftMs = one.sinceMs + withinMs - nowMs;
      if (leftMs > 0) return arm(leftMs);
      waiting.delete(one);
      one.reject(new NoAnswer(withinMs));
    }
  };
  return (answer) =>
    new Promise((resolve, reject) => {
      const one: Waiting = { sinceMs: clock.monotonicMs(), reject };
      waiting.add(one);
      if (!armed) arm(withinMs);
      answer.then(
        (value) => {
          waiting.delete(one);
          resolve(value);
        },
        (error: unknown) => {
          waiting.delete(one);
          reject(error);
        },
      );
    });
}

/** From an end without a reason to the next attempt. Milliseconds. */
const againMs = 100;

/**
 * Reconnects a client that has stopped reconnecting without being closed. ioredis stops for good when Sentinels report
 * a fail-over while it asks them for the primary: FailoverDetector disconnects the connector, which then fails with
 * "Connection is closed.", and no retryStrategy is called.
 */
export function reconnect(redis: Pick<Redis, 'status' | 'connect' | 'on'>, clock: Clock, isClosed: () => boolean): void {
  redis.on('end', () => {
    if (isClosed()) return;
    clock.after(againMs, () => {
      if (!isClosed() && redis.status === 'end') redis.connect().catch(() => {}); // reported by 'error', and followed by another 'end'
    });
  });
}
