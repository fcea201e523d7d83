import type { Meter } from '@opentelemetry/api';
import { beginWhen, repeat, tryAgain } from '../../kit/background-work.ts';
import type { Clock } from '../../kit/clock.ts';
import { observeGauge } from '../../kit/observe-metric.ts';
import { pause, untilCalled } from '../../kit/until-called.ts';
import type { Log } from '../../ports/log.ts';
import type { ErasureReport, Erasures, UserDataPart } from '../../ports/user-data.ts';

export type ErasingParts = {
  readonly erasures: Erasures;
  /** In the order in which they are erased. */
  readonly parts: readonly UserDataPart[];
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
   * @returns how far it is, at the latest after `waitMs`
   */
  erase(userId: string, wish: { readonly requestId: string; readonly waitMs: number; readonly signal: AbortSignal }): Promise<ErasureReport>;
  close(): Promise<void>;
};

/** An erasure without a step for so long has lost its process: another one goes on. Milliseconds. */
const restingMs = 30_000;
const everyMs = 10_000;
/** After a failure of a step. */
const againMs = 1_000;

/** Erases users, also those whose erasure another process has begun and not ended. */
export function openErasing({ erasures, parts, opened, clock, log, meter }: ErasingParts): Erasing {
  const closing = new AbortController();
  const { signal } = closing;
  const running = new Map<string, Promise<void>>();
  const done = meter.createCounter('portico.erasures.done', { description: 'Users whose data were erased.' });
  const failures = meter.createCounter('portico.erasures.failures', { description: 'Steps of erasures that failed and are tried again, by part.' });
  let open = 0;
  observeGauge(meter, 'portico.erasures.open', 'Erasures of users that are not done, at all replicas.', () => open);

  /** @returns whether it is done */
  const step = async (id: string): Promise<boolean> => {
    const erasure = await erasures.read(id);
    if (erasure === undefined) return true;
    const part = parts.find(({ name }) => !erasure.partsDone.includes(name));
    if (part === undefined) {
      await erasures.finish(id);
      done.add(1);
      log.info('A user was erased.', { erasure_id: id });
      return true;
    }
    try {
      const { afterMs } = await part.erase(erasure);
      if (afterMs > 0) await pause(clock, afterMs, signal);
    } catch (error) {
      failures.add(1, { part: part.name });
      throw error;
    }
    return false;
  };
  const work = async (id: string) => {
    while (!signal.aborted) {
      try {
        if (await step(id)) return;
      } catch (error) {
        if (signal.aborted) return;
        log.warn('A step of an erasure failed: it is tried again.', { erasure_id: id, error });
        await pause(clock, againMs, signal);
      }
    }
  };
  const run = (id: string): Promise<void> => {
    const current = running.get(id) ?? work(id).finally(() => running.delete(id));
    running.set(id, current);
    return current;
  };
  const takeOver = async () => {
    open = await erasures.count();
    for (let id = await erasures.takeResting(restingMs); id !== undefined && !signal.aborted; id = await erasures.takeResting(restingMs))
      await run(id);
    return everyMs;
  };
  const warn = (error: unknown) => log.warn('Erasures that rest could not be read: it is tried again.', { error });
  const stop = beginWhen(opened, () => repeat(clock, everyMs, tryAgain(everyMs, warn, takeOver)));
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
      stop();
      await Promise.all(running.values());
    },
  };
}
