// Workers, or whole replicas, in processes of their own that are killed at random moments, each with platforms of its
// own: so it is known which one a push came from.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { openApnsServer } from '../../support/push/apns-server.ts';
import { openFcmServer } from '../../support/push/fcm-server.ts';
import type { WorkerOrders } from './worker-process.ts';

/** A push that a platform has accepted. */
export type Accepted = { readonly token: string; readonly kind: string; readonly conversationId: string; readonly seq: number };

export type KilledWorker = {
  readonly wasKilled: boolean;
  /** In the order of arrival. */
  readonly accepted: readonly Accepted[];
};

export type KilledWorkers = AsyncDisposable & {
  /** All that ever ran. */
  readonly all: readonly KilledWorker[];
  /** Ports of the replicas that run. */
  ports(): readonly number[];
  /** Kills one at random, and starts another. */
  killOne(): Promise<void>;
};

/** What is started: a file beside this one that prints "ready", and its port if it is a replica. */
export type Started = { readonly file: 'worker-process.ts' | 'replica-process.ts'; readonly orders: Omit<WorkerOrders, 'apns' | 'fcm'> };

/** @param chance a number from 0 to 1: one push in fifty is to be sent later */
export async function startWorkers(count: number, { file, orders }: Started, chance: () => number): Promise<KilledWorkers> {
  const all: (KilledWorker & { wasKilled: boolean; port: number; end(): Promise<void> })[] = [];
  const running = new Set<(typeof all)[number]>();
  const start = async () => {
    const accepted: Accepted[] = [];
    const isTaken = () => chance() >= 0.02;
    const [apns, fcm] = await Promise.all([openApnsServer(), openFcmServer()]);
    apns.answerBy(({ token, payload }) => {
      if (!isTaken()) return { status: 429, reason: 'TooManyRequests' };
      accepted.push(acceptedOf(token, payload.portico));
      return { status: 200 };
    });
    fcm.answerBy(({ token, data }) => {
      if (!isTaken()) return { status: 500, code: 'INTERNAL' };
      accepted.push(acceptedOf(token, data));
      return { status: 200 };
    });
    const whole: WorkerOrders = { ...orders, apns: { url: apns.url, key: apns.key }, fcm: { url: fcm.url, account: fcm.account } };
    const { NODE_TEST_CONTEXT: _, ...env } = process.env; // it is no part of a test run
    const child = spawn(process.execPath, [resolve(import.meta.dirname, file)], {
      env: { ...env, WORKER_ORDERS: JSON.stringify(whole), NODE_OPTIONS: '' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    const worker = {
      wasKilled: false,
      port: 0,
      accepted,
      end: async () => {
        running.delete(worker);
        child.kill('SIGKILL');
        await exited;
        await Promise.all([apns.close(), fcm.close()]);
      },
    };
    all.push(worker);
    for await (const line of createInterface({ input: child.stdout })) {
      worker.port = Number(/^ready (\d+)$/.exec(line)?.[1] ?? 0);
      break;
    }
    child.stdout.resume();
    running.add(worker);
  };
  for (let n = 0; n < count; n++) await start();
  return {
    all,
    ports: () => [...running].map(({ port }) => port),
    killOne: async () => {
      const worker = [...running][Math.floor(chance() * running.size)];
      if (worker === undefined) return;
      worker.wasKilled = true;
      await Promise.all([worker.end(), start()]);
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([...running].map(({ end }) => end()));
    },
  };
}

function acceptedOf(token: string, data: Readonly<Record<string, string>>): Accepted {
  return { token, kind: data.kind ?? '', conversationId: data.conversation_id ?? '', seq: Number(data.seq) };
}
