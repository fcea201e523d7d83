import type { Clock } from './clock.ts';

export type PaceParts = {
  readonly clock: Pick<Clock, 'after' | 'monotonicMs'>;
  /** How many begin in a millisecond at most. */
  readonly most: number;
  /** The CPU time of this thread so far. Milliseconds. */
  readonly cpuMs?: () => number;
};

/** Begins work now or soon, in order. @returns takes it back, if it has not begun */
export type Pace = (work: () => void) => () => void;

const tickMs = 1;
/** Of a turn of the event loop: whoever waits for another turn waits no longer. Milliseconds of CPU. */
const turnMostMs = 4;

/**
 * Begins work no faster than the event loop keeps up, when much of it comes at once. Each piece leads to more, such as
 * a handshake to a session, so the length of the turns says how fast the next may begin: a turn that was too long
 * halves what begins in a millisecond, down to one piece in a turn; any other adds one. Their length is CPU time,
 * because a thread that others keep from its core is not slow by its own work.
 */
export function openPace({ clock, most, cpuMs = threadCpuMs }: PaceParts): Pace {
  const waiting = new Set<() => void>();
  let perMs = most;
  let left = most;
  let isTicking = false;
  let last = { atMs: 0, cpuMs: 0 };
  const begin = (work: () => void) => {
    left--;
    work();
  };
  const next = (atMs: number, usedMs: number) => {
    last = { atMs, cpuMs: usedMs };
    isTicking = true;
    clock.after(tickMs, tick);
  };
  const tick = () => {
    const [atMs, usedMs] = [clock.monotonicMs(), cpuMs()];
    const turnMs = usedMs - last.cpuMs;
    const waitedMs = atMs - last.atMs - turnMs;
    perMs = turnMs > turnMostMs ? Math.max(1, Math.floor(perMs / 2)) : Math.min(most, perMs + 1);
    isTicking = waiting.size > 0 || left < perMs;
    left = Math.min(2 * most, Math.round(perMs * Math.max(1, waitedMs)));
    for (const work of waiting) {
      if (left <= 0 || cpuMs() - usedMs > turnMostMs) break;
      waiting.delete(work);
      begin(work);
    }
    if (isTicking) next(atMs, usedMs);
    else perMs = left = most;
  };
  return (work) => {
    if (!isTicking) next(clock.monotonicMs(), cpuMs());
    if (waiting.size === 0 && left > 0) begin(work);
    else waiting.add(work);
    return () => void waiting.delete(work);
  };
}

function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
