import type { Counts } from '../counts.ts';

const tickMs = 50;
/** More at once are left out: a slow server then gets less, as from clients that wait for their answers. */
const atOnceMost = 64;

/** Of a small soak, in which every kind is to happen. */
const leastPerSecond = 0.5;

/**
 * Does something so many times in a second until the signal; what fails is counted.
 * @returns resolved when the last one has ended
 */
export async function steadily(
  kind: string,
  perSecond: number,
  { counts, signal }: { counts: Counts; signal: AbortSignal },
  work: () => Promise<unknown>,
) {
  const running = new Set<Promise<void>>();
  let due = 0;
  let atMs = performance.now();
  while (!signal.aborted) {
    await new Promise((resolve) => setTimeout(resolve, tickMs));
    const nowMs = performance.now();
    due = Math.min(atOnceMost, due + (Math.max(leastPerSecond, perSecond) * (nowMs - atMs)) / 1_000);
    atMs = nowMs;
    for (; due >= 1 && running.size < atOnceMost; due--) {
      const one = work().then(
        () => counts.done(kind),
        (error) => {
          if (!signal.aborted) counts.failed(kind, error);
        },
      );
      running.add(one);
      void one.then(() => running.delete(one));
    }
  }
  await Promise.all(running);
}
