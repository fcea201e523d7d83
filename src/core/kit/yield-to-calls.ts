import type { Limiter } from './concurrency-limiter.ts';
import { never } from './ending.ts';
import { untilCalled } from './until-called.ts';

/**
 * A line of steps that many clients cause at once, such as handshakes. Steps of one line run in order; lines take
 * turns. A step must not throw.
 * @returns takes the step out of the line, if it has not run
 */
export type Line = (step: () => void) => () => void;

/** The event loop of this process, in milliseconds since some time. */
export type EventLoop = {
  /** How long it has run code so far, and not waited. */
  busyMs(): number;
  nowMs(): number;
  /** Collects young objects if there are many: called after steps while others wait. */
  collectYoung(): void;
};

/** Steps wait while the loop has been busy for a larger part of the time since the last ones: calls need the rest. */
const busyMost = 0.6;
/** Two share what a turn costs by itself, and a call that comes meanwhile waits for no more than them. */
const stepsPerTurn = 2;
/** Under a load that leaves no room, steps run so often all the same: up to 200 in a second. Milliseconds. */
const waitMostMs = 10;
const lookMs = 1;
/** After one long turn of the loop, the steps of up to so many waits run together. */
const madeUpMost = 5;

/**
 * Lets work that many clients cause at once yield to calls: what a step causes in later turns counts, because it is the
 * loop that is looked at. A step that comes alone runs in the next turn.
 * @returns opens a line
 */
export function openYielding({ busyMs, nowMs, collectYoung }: EventLoop): () => Line {
  const lines = new Set<Set<() => void>>();
  let isPlanned = false;
  let [lastMs, lastBusyMs] = [nowMs(), busyMs()];
  /** Since when the next step waits. */
  let waitingMs = lastMs;
  const turn = () => {
    isPlanned = false;
    const [now, busy] = [nowMs(), busyMs()];
    const passedMs = now - lastMs;
    if (passedMs < waitMostMs && busy - lastBusyMs > busyMost * passedMs) return planLook();
    const waits = Math.floor((now - waitingMs) / waitMostMs);
    const most = stepsPerTurn * Math.min(Math.max(1, waits), madeUpMost);
    [lastMs, lastBusyMs, waitingMs] = [now, busy, now];
    const next: (() => void)[] = [];
    for (const line of lines) {
      if (next.length >= most) break;
      const [step] = line;
      lines.delete(line);
      if (step === undefined) continue;
      line.delete(step);
      next.push(step);
      if (line.size > 0) lines.add(line); // at the end: the lines that were before it come first
    }
    if (lines.size > 0) planLook();
    for (const step of next) step();
    if (lines.size > 0) collectYoung();
  };
  const planLook = () => {
    isPlanned = true;
    setTimeout(turn, lookMs);
  };
  return () => {
    const line = new Set<() => void>();
    return (step) => {
      line.add(step);
      lines.add(line);
      if (!isPlanned) {
        isPlanned = true;
        waitingMs = nowMs();
        setImmediate(turn);
      }
      return () => void line.delete(step);
    };
  };
}

/** The same limiter, whose tasks wait in a line besides. */
export function yieldingLimiter(limiter: Limiter, line: Line): Limiter {
  return (work, signal = never) =>
    limiter(async () => {
      await untilCalled(signal, line);
      signal.throwIfAborted();
      return await work();
    }, signal);
}
