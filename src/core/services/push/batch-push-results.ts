import type { Clock } from '../../kit/clock.ts';
import { pause } from '../../kit/until-called.ts';
import type { Log } from '../../ports/log.ts';
import type { PushQueue, PushResult } from '../../ports/push-queue.ts';

/** Results of one transaction. */
const resultsMax = 500;
const againMs = 1_000;

export type Recorder = {
  /**
   * Resolved when the result is stored, or given up because the lease ends. It never rejects.
   * @param untilMs the end of the lease, by the monotonic clock
   */
  record(result: PushResult, untilMs: number): Promise<void>;
  /** What could not be stored is given up. */
  close(): void;
};

/** Stores results one transaction after the other: those that come meanwhile are stored together by the next one. */
export function openRecorder(queue: Pick<PushQueue, 'record'>, { clock, log }: { readonly clock: Clock; readonly log: Log }): Recorder {
  type Waiting = { readonly result: PushResult; readonly untilMs: number; done(): void };
  let waiting: Waiting[] = [];
  let running = false;
  const closed = new AbortController();

  const run = async () => {
    running = true;
    while (waiting.length > 0) {
      const batch = waiting.slice(0, resultsMax);
      waiting = waiting.slice(resultsMax);
      try {
        await queue.record(batch.map(({ result }) => result));
        for (const { done } of batch) done();
      } catch (error) {
        const nowMs = clock.monotonicMs();
        const isLate = ({ untilMs }: Waiting) => closed.signal.aborted || untilMs <= nowMs;
        const late = batch.filter(isLate);
        for (const { done } of late) done();
        log.warn('What became of pushes could not be recorded.', { error, given_up: late.length, pushes: batch.length });
        waiting = [...batch.filter((one) => !isLate(one)), ...waiting];
        await pause(clock, againMs, closed.signal);
      }
    }
    running = false;
  };
  return {
    record: (result, untilMs) =>
      new Promise((done) => {
        waiting.push({ result, untilMs, done });
        if (!running) void run();
      }),
    close: () => closed.abort(),
  };
}
