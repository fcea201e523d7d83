import type { Clock } from '../../core/kit/clock.ts';
import { untilCalled } from '../../core/kit/until-called.ts';

/** Whether the device has a network, as its operating system says. */
export type Network = {
  readonly isLost: boolean;
  lost(): void;
  /** A new one, or one again. */
  found(): void;
  /** Waits for a time: no longer than until a network is found, and without one until then. It never rejects. */
  pause(ms: number, signal: AbortSignal): Promise<void>;
};

export function openNetwork(clock: Clock): Network {
  let isLost = false;
  const waiting = new Set<() => void>();
  return {
    get isLost() {
      return isLost;
    },
    lost: () => {
      isLost = true;
    },
    found: () => {
      isLost = false;
      for (const wake of [...waiting]) wake();
    },
    pause: (ms, signal) =>
      untilCalled(signal, (callback) => {
        const cancel = isLost ? undefined : clock.after(ms, callback);
        waiting.add(callback);
        return () => {
          cancel?.();
          waiting.delete(callback);
        };
      }),
  };
}
