// The workload of the chaos tests, and its checker. The truth is a number for each item, which only rises; an answer carries the number that it was computed from.
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../support/time/until.ts';

/** One replica, whatever it is made of. Everything that it is asked fails by throwing. */
export type Replica = {
  readonly name: string;
  read(item: string): Promise<Read>;
  /** Changes the truth by a write whose policy invalidates. */
  write(item: string, value: number): Promise<void>;
  /** @returns false: it said that it could not be done, because the store is down */
  invalidate(item: string): Promise<boolean>;
  /** Whether there are writes that the shared store is still to be told of. */
  pending(): Promise<boolean>;
};

export type Read = {
  readonly value: number;
  /** Not marked as stale. */
  readonly fresh: boolean;
  /** hit, stale, miss, coalesced, … */
  readonly result: string;
};

export type LoadOptions = {
  readonly replicas: readonly Replica[];
  readonly items: readonly string[];
  /** Changes the truth beside all replicas, as an internal service does that tells of it by Invalidate. */
  readonly change: (item: string, value: number) => void;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly readers?: number;
  /** The longest pause of a reader between two calls, and of a writer, of which each item has one. Milliseconds. */
  readonly readPauseMs?: number;
  readonly writePauseMs?: number;
  /** Calls that need no Redis, by name: each is made over and over, and must never fail. */
  readonly others?: Readonly<Record<string, () => Promise<unknown>>>;
};

export type Findings = {
  /** Answers that were served as fresh although they are older than an invalidation that had returned when they were asked for. */
  readonly staleAsFresh: readonly string[];
  /** Calls that failed although nothing that they need was gone. */
  readonly failures: readonly string[];
};

export type Load = Findings & {
  /** From now on what happens is counted under this name. */
  enter(phase: string): void;
  /** Reads of this phase by their result; `reads`: all of them. And calls of `others` by name, and what came of invalidations: `told`, `refused`, `written`. */
  counts(phase?: string): Readonly<Record<string, number>>;
  /** Resolved when this phase has seen so many reads, and so many of every other kind of call as there are readers. */
  goesOn(reads: number): Promise<void>;
  /** Makes no calls until `work` is done: under load a busy machine may be too slow for hits, whatever Redis does. */
  aside<T>(work: () => Promise<T>): Promise<T>;
  /** Nothing is written and invalidated from now on: what was is all told. */
  quieten(): Promise<void>;
  /** Writes and invalidates again. */
  goOnWriting(): void;
  stop(): Promise<void>;
};

/** A call that fails while this very process stood still for so long in all is not held against it: the servers, their upstream and their clients are all in it. Milliseconds. */
export const excusedMs = 250;

/** Begins to load the replicas, until it is stopped. */
export function startLoad(options: LoadOptions): Load {
  const { replicas, items, change, random, readers = 8, readPauseMs = 6, writePauseMs = 60, others = {} } = options;
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;
  const staleAsFresh: string[] = [];
  const failures: string[] = [];
  const phases = new Map<string, Record<string, number>>();
  const truth = new Map(items.map((item) => [item, 0]));
  /** The least that a fresh answer of a replica must be from, by replica and item. */
  const floors = new Map<string, number>();
  /** Writes that were answered, and that the other replicas may not know of yet: their invalidation may be pending. */
  let untold: { readonly replica: Replica; readonly item: string; readonly value: number }[] = [];
  let phase = 'before';
  let stopped = false;
  let quiet = false;
  let resting = false;
  let writing = 0;

  const count = (what: string) => {
    const counts = phases.get(phase) ?? {};
    phases.set(phase, counts);
    counts[what] = (counts[what] ?? 0) + 1;
  };
  const raise = (by: readonly Replica[], item: string, value: number) => {
    for (const { name } of by) floors.set(`${name} ${item}`, Math.max(floors.get(`${name} ${item}`) ?? 0, value));
  };
  const read = async () => {
    const [replica, item] = [pick(replicas), pick(items)];
    const least = floors.get(`${replica.name} ${item}`) ?? 0;
    const { value, fresh, result } = await replica.read(item);
    count('reads');
    count(fresh ? result : 'stale');
    if (fresh && value < least) staleAsFresh.push(`${phase}: ${replica.name} answered ${value} of ${item}, ${result}, at least ${least}`);
  };
  const write = async (item: string) => {
    if (quiet) return;
    writing++;
    await writeOnce(item).finally(() => writing--);
  };
  const writeOnce = async (item: string) => {
    const [replica, value] = [pick(replicas), (truth.get(item) ?? 0) + 1];
    truth.set(item, value);
    if (random() < 0.5) {
      change(item, value);
      const told = await replica.invalidate(item);
      count(told ? 'told' : 'refused');
      if (told) raise(replicas, item, value);
    } else {
      await replica.write(item, value);
      count('written');
      raise([replica], item, value); // here it holds whatever becomes of Redis
      untold.push({ replica, item, value });
    }
  };
  const lookWhatIsTold = async (replica: Replica) => {
    const before = untold.filter((one) => one.replica === replica);
    if (before.length === 0 || (await replica.pending())) return;
    for (const { item, value } of before) raise(replicas, item, value);
    untold = untold.filter((one) => !before.includes(one));
  };
  const over = async (what: string, pauseMs: number, step: () => Promise<unknown>) => {
    while (!stopped) {
      await sleep(random() * pauseMs);
      if (resting) continue;
      const [began, beganAtMs] = [phase, performance.now()];
      await step().catch((error: unknown) => {
        const stalledMs = stalls.since(beganAtMs);
        if (stalledMs > excusedMs) count('stalled');
        else
          failures.push(
            `${began}: ${what}: ${error instanceof Error ? error.message : error} (${Math.round(performance.now() - beganAtMs)} ms, stalled for ${stalledMs})`,
          );
      });
    }
  };
  const stalls = watchStalls();
  const loops = [
    ...Array.from({ length: readers }, () => over('read', readPauseMs, read)),
    ...items.map((item) => over('write', writePauseMs, () => write(item))),
    ...replicas.map((replica) => over('pending', 20, () => lookWhatIsTold(replica))),
    ...Object.entries(others).map(([name, call]) => over(name, 40, () => call().then(() => count(name)))),
  ];
  const counts = (of = phase) => phases.get(of) ?? {};
  return {
    staleAsFresh,
    failures,
    counts,
    enter: (next) => {
      phase = next;
    },
    goesOn: (reads) =>
      until(
        `${phase}: ${reads} reads, and some of every other call`,
        () => (counts().reads ?? 0) >= reads && Object.keys(others).every((name) => (counts()[name] ?? 0) >= 3),
        20_000 + reads * 40, // longer on a busy machine: that it goes on is what counts
      ),
    aside: async (work) => {
      resting = true;
      return work().finally(() => {
        resting = false;
      });
    },
    quieten: async () => {
      quiet = true;
      await until('all is told', () => writing === 0 && untold.length === 0);
    },
    goOnWriting: () => {
      quiet = false;
    },
    stop: async () => {
      stopped = true;
      await Promise.all(loops);
      stalls.stop();
    },
  };
}

/** Notes when this process stood still. */
export function watchStalls() {
  const everyMs = 10;
  let seen: { readonly atMs: number; readonly ms: number }[] = [];
  let lastMs = performance.now();
  const timer = setInterval(() => {
    const nowMs = performance.now();
    const ms = Math.round(nowMs - lastMs);
    if (ms > 3 * everyMs) seen = [...seen.slice(-200), { atMs: nowMs, ms }];
    lastMs = nowMs;
  }, everyMs);
  return {
    since: (sinceMs: number) => seen.reduce((sum, { atMs, ms }) => (atMs >= sinceMs ? sum + ms : sum), Math.round(performance.now() - lastMs)),
    stop: () => clearInterval(timer),
  };
}
