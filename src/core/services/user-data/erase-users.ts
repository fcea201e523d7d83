import type { Meter } from '@opentelemetry/api';
import { beginWhen, repeat, tryAgain } from '../../kit/background-work.ts';
import type { Clock } from '../../kit/clock.ts';
import { observeCounter, observeGauge } from '../../kit/observe-metric.ts';
import { pause, untilCalled } from '../../kit/until-called.ts';
import type { Log } from '../../ports/log.ts';
import type { ErasureReport, Erasures, Rests, UserDataPart } from '../../ports/user-data.ts';

export type ErasingParts = {
  readonly erasures: Erasures;
  /** In the order in which they are erased. */
  readonly parts: readonly UserDataPart[];
  /** After the first pass calls may be under way that began before it. */
  readonly secondPassAfterMs: number;
  /** Whether processes have in their memories what the parts do not reach. */
  readonly hasReplicas: boolean;
  /** Deletes what this one has there of these users: called again and again while they are erased. */
  readonly forget: (userIds: readonly string[]) => Promise<void>;
  /** Without a step for so long, an erasure has lost its process: another one goes on. Default: 30 s. */
  readonly abandonedMs?: number;
  /** The interval of looking for those, and of `forget`. Default: 10 s. */
  readonly everyMs?: number;
  /** Resolved when the database is there. */
  readonly opened: Promise<void>;
  readonly clock: Clock;
  readonly log: Log;
  readonly meter: Meter;
};

export type Erasing = {
  /**
   * Accepts an erasure, and works on it until it is done, whoever waits. A repeat finds it.
   * @param signal ends the wait
   * @returns how far it is, at the latest after `waitMs`: when it rests or is done
   */
  erase(userId: string, wish: { readonly requestId: string; readonly waitMs: number; readonly signal: AbortSignal }): Promise<ErasureReport>;
  close(): Promise<void>;
};

/** Users under way whom a process forgets at once. */
const forgottenMax = 1_000;
/** After a failure of a step. */
const againMs = 1_000;

/** Erases users, also those whose erasure another process has begun and not ended. */
export function openErasing(of: ErasingParts): Erasing {
  const { erasures, parts, secondPassAfterMs, forget, hasReplicas, abandonedMs = 30_000, everyMs = 10_000, opened, clock, log, meter } = of;
  const rests: Rests = [secondPassAfterMs, hasReplicas ? everyMs * 1.5 : 0]; // what a replica did not receive it has read by then
  const closing = new AbortController();
  const { signal } = closing;
  /** Those that a call of this process has asked for. */
  const running = new Map<string, Promise<void>>();
  let takenOver = Promise.resolve();
  let done = 0;
  observeCounter(meter, 'portico.erasures.done', 'Users whose data were erased.', () => done);
  const failures = meter.createCounter('portico.erasures.failures', { description: 'Steps of erasures that failed and are tried again, by part.' });
  let open = 0;
  observeGauge(meter, 'portico.erasures.open', 'Erasures of users that are not done, at all replicas.', () => open);

  /** @returns whether there is nothing to do soon: it is done, or rests */
  const step = async (id: string): Promise<boolean> => {
    const erasure = await erasures.read(id);
    if (erasure === undefined) return true;
    const { passes, partsDone, restedMs } = erasure;
    const leftMs = passes === 0 ? 0 : (rests[passes - 1] ?? 0) - restedMs;
    if (leftMs > everyMs) return true;
    if (leftMs > 0) {
      await pause(clock, leftMs, signal);
      return false;
    }
    if (passes === rests.length) {
      if (!(await erasures.finish(id))) return true;
      done++;
      log.info('A user was erased.', { erasure_id: id });
      return true;
    }
    const part = parts.find(({ name }) => !partsDone.includes(name));
    if (part === undefined) {
      await erasures.endPass(id, passes);
      return false;
    }
    try {
      await part.erase(erasure);
    } catch (error) {
      failures.add(1, { part: part.name });
      throw error;
    }
    return false;
  };
  /** @param isLeft after a failure, for whoever takes over what is abandoned: others are next */
  const work = async (id: string, isLeft = false) => {
    while (!signal.aborted) {
      try {
        if (await step(id)) return;
      } catch (error) {
        if (signal.aborted) return;
        log.warn('A step of an erasure failed: it is tried again.', { erasure_id: id, error });
        await pause(clock, againMs, signal);
        if (isLeft) return;
      }
    }
  };
  const run = (id: string): Promise<void> => {
    const current = running.get(id) ?? work(id).finally(() => running.delete(id));
    running.set(id, current);
    return current;
  };
  const takeOver = async () => {
    const next = () => erasures.takeAbandoned(abandonedMs, rests);
    for (let id = await next(); id !== undefined && !signal.aborted; id = await next()) {
      if (running.has(id)) continue;
      takenOver = work(id, true);
      await takenOver;
    }
    return everyMs;
  };
  const forgetAll = async () => {
    const { count, userIds } = await erasures.underWay(forgottenMax);
    open = count;
    if (hasReplicas && userIds.length > 0) await forget(userIds);
    return everyMs;
  };
  const warn = (error: unknown) => log.warn('Erasures under way could not be read: it is tried again.', { error });
  const stops = [takeOver, forgetAll].map((work) => beginWhen(opened, () => repeat(clock, everyMs, tryAgain(everyMs, warn, work))));
  return {
    erase: async (userId, { requestId, waitMs, signal: leaving }) => {
      const id = await erasures.accept(userId, requestId);
      const ended = run(id);
      const either = AbortSignal.any([leaving, signal]);
      await untilCalled(either, (callback) => {
        const cancel = clock.after(waitMs, callback);
        void ended.then(callback);
        return cancel;
      });
      return erasures.report(id);
    },
    close: async () => {
      closing.abort();
      for (const stop of stops) stop();
      await Promise.all([...running.values(), takenOver]);
    },
  };
}
