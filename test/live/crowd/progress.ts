// How far publishing has come, for what happens in the midst of it.
import { until } from '../../support/time/until.ts';
import { batchMost, type Published } from './publishers.ts';

export type Progress = {
  /** Resolved when so many more events were published. */
  goesOn(events: number): Promise<void>;
  /**
   * Notes what was published. @returns resolved, when a log has lost what was published since then, as soon as others
   * have all of its offsets
   */
  note(): () => Promise<void>;
};

export function progressOf(published: ReadonlyMap<string, Published>): Progress {
  const counts = () => [...published.values()].map(({ before }) => before.length);
  const count = () => counts().reduce((sum, one) => sum + one, 0);
  return {
    goesOn: (events) => {
      const before = count();
      return until('publishing goes on', () => count() >= before + events);
    },
    note: () => {
      const noted = counts();
      return () => {
        // besides those that are confirmed, the log may have lost a call, which is repeated first
        const needed = counts().map((one, i) => one + (one - (noted[i] ?? 0)) + 2 * batchMost);
        return until('others have the offsets', () => counts().every((one, i) => one > (needed[i] ?? 0)));
      };
    },
  };
}
