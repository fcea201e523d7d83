import cluster, { type Worker } from 'node:cluster';
import type { Clock } from '../core/kit/clock.ts';
import type { Log } from '../core/ports/log.ts';
import type { Listening, OfPrimary, OfWorker } from './worker-link.ts';

export type PoolParts = {
  readonly count: number;
  readonly ticketKeys: Buffer;
  readonly clock: Clock;
  readonly log: Log;
};

/** Worker processes that share the listening ports. */
export type WorkerPool = {
  /** All listen. Rejected with the exit code of the first, if that ends before. */
  readonly listening: Promise<Listening>;
  /** Those that listen now. */
  workers(): readonly Listening[];
  readonly replaced: number;
  /** Called with each worker that listens from now on. */
  onListening(callback: (worker: Listening) => void): void;
  /** Each finishes its calls and ends; none is replaced any more. Resolved when all have ended: with the worst code. */
  drain(why: string): Promise<number>;
  /** Nothing is waited for any more. */
  end(): void;
};

/** A worker that ends sooner than this after its start is replaced later and later. Milliseconds. */
const steadyMs = 10_000;
const [againMs, againMostMs] = [1_000, 30_000] as const;

/** Ends before it listens: what is wrong was printed by it. */
export class WorkerFailed extends Error {
  readonly code: number;
  constructor(code: number) {
    super(`The first worker ended with code ${code} before it listened.`);
    this.name = 'WorkerFailed';
    this.code = code;
  }
}

/**
 * Starts the workers: the first one alone, so that what is wrong with the settings is said once. A worker that dies is
 * replaced. node:cluster keeps the listening sockets in this process and gives each new connection to the next worker,
 * so that all have equally many, and a connection that comes while one dies goes to another.
 */
export function openWorkerPool({ count, ticketKeys, clock, log }: PoolParts): WorkerPool {
  const running = new Map<Worker, Listening | undefined>();
  const listening = Promise.withResolvers<Listening>();
  const ended = Promise.withResolvers<number>();
  let draining = false;
  let worst = 0;
  let replaced = 0;
  let failures = 0;
  /** Started the first time; what replaces one that has died is none of them. */
  let begun = 0;
  let onListening: (worker: Listening) => void = () => {};

  const send = (message: OfPrimary) => {
    for (const worker of running.keys()) if (worker.isConnected()) worker.send(message);
  };
  const start = () => {
    const worker = cluster.fork();
    const startedMs = clock.monotonicMs();
    running.set(worker, undefined);
    worker.send({ kind: 'begin', ticketKeys: ticketKeys.toString('base64') } satisfies OfPrimary);
    worker.on('message', (message: OfWorker) => {
      if (message.kind !== 'listening') return;
      running.set(worker, message.listening);
      if (draining) return;
      onListening(message.listening);
      if (begun < count) return startNext();
      if (running.size === count && [...running.values()].every((one) => one !== undefined)) listening.resolve(message.listening);
    });
    worker.on('error', (error) => {
      log.error('A worker could not be started or reached.', { pid: worker.process.pid, error });
      if (worker.process.pid === undefined) onEnd(1, ''); // it was never there, so no exit follows
    });
    worker.on('exit', (code, signal) => onEnd(code, signal));
    const onEnd = (code: number, signal: string) => {
      const hasListened = running.get(worker) !== undefined;
      if (!running.delete(worker)) return;
      worst = Math.max(worst, code ?? 1);
      if (draining) {
        if (running.size === 0) ended.resolve(worst);
        return;
      }
      if (!hasListened && running.size === 0 && replaced === 0) return listening.reject(new WorkerFailed(code || 1));
      replaced++;
      failures = clock.monotonicMs() - startedMs < steadyMs ? failures + 1 : 0;
      const afterMs = failures === 0 ? 0 : Math.min(againMostMs, againMs * 2 ** (failures - 1));
      log.error('A worker has died: it is replaced.', { pid: worker.process.pid, code, signal, workers: running.size, after_ms: afterMs });
      clock.after(afterMs, () => {
        if (!draining) start();
      });
    };
  };
  const startNext = () => {
    begun++;
    start();
  };
  startNext();
  return {
    listening: listening.promise,
    workers: () => [...running.values()].filter((one) => one !== undefined),
    get replaced() {
      return replaced;
    },
    onListening: (callback) => {
      onListening = callback;
    },
    drain: (why) => {
      draining = true;
      worst = 0;
      send({ kind: 'drain', why });
      if (running.size === 0) ended.resolve(0);
      return ended.promise;
    },
    end: () => send({ kind: 'end' }),
  };
}
