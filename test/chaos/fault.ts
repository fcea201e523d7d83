import assert from 'node:assert/strict';
import type { RedisPlace } from '../support/redis/redis.ts';
import { seeded } from '../support/time/seeded.ts';
import { until } from '../support/time/until.ts';
import { type Load, startLoad } from './load.ts';
import { openPair, type Pair } from './pair.ts';

/** Something that happens to Redis, and passes. */
export type Fault = {
  readonly name: string;
  readonly begin: () => unknown;
  /** What is to be seen while it lasts. */
  readonly during?: () => Promise<void>;
  readonly end?: () => unknown;
};

export type Loaded = { readonly pair: Pair; readonly load: Load };

/** Two servers on a Redis, and a load on them until they are closed. @param options `ofOther`: how the second server reaches the same Redis, where it goes another way */
export async function openLoaded(
  place: RedisPlace,
  { items, seed, ofOther = place }: { readonly items: readonly string[]; readonly seed: number; readonly ofOther?: RedisPlace },
): Promise<Loaded & AsyncDisposable> {
  const pair = await openPair(place, ofOther);
  for (const item of items) pair.change(item, 0);
  const load = startLoad({ ...pair, items, random: seeded(seed) });
  const close = async () => {
    await load.stop();
    await pair[Symbol.asyncDispose]();
  };
  return { pair, load, [Symbol.asyncDispose]: close };
}

/**
 * Lets a fault happen under load: before, during and after it no call fails that needs no Redis, nothing old is served as fresh, and afterwards both servers are whole again
 * without a restart.
 * @param reads how long it lasts at least
 * @param say is told what was counted, and how long it took until both servers were whole again
 * @returns what was counted while it lasted
 */
export async function bring(
  { name, begin, during, end }: Fault,
  { pair, load }: Loaded,
  reads = 150,
  say: (line: string) => void = () => {},
): Promise<Readonly<Record<string, number>>> {
  const [found, failed] = [load.staleAsFresh.length, load.failures.length];
  load.enter(`before: ${name}`);
  await load.goesOn(60);
  load.enter(name);
  try {
    await begin();
    await during?.();
    await load.goesOn(reads);
  } finally {
    load.enter(`after: ${name}`);
    await end?.();
  }
  const endedAtMs = performance.now();
  const whole = async () => {
    await saidByBoth(pair, /^ok\n$/, 60_000);
    await load.aside(pair.assertWhole);
  };
  await whole().catch((error: Error) => {
    throw new Error(`${name}: ${error.message}`, { cause: error });
  });
  const { reads: read = 0, hit = 0, stale = 0, miss = 0, coalesced = 0, told = 0, refused = 0, written = 0, stalled = 0 } = load.counts(name);
  say(
    `${name}: ${read} reads (${hit} hits, ${stale} stale, ${miss} missed, ${coalesced} joined), ${told} invalidations done and ${refused} refused, ${written} writes, ` +
      `${stalled} calls failed while this process stood still; whole again after ${Math.round(performance.now() - endedAtMs)} ms`,
  );
  await load.goesOn(60);
  assert.deepEqual([load.staleAsFresh.slice(found), load.failures.slice(failed)], [[], []]);
  return load.counts(name);
}

/** Resolved when both servers say so in /readyz, which answers 200 all along. */
export function saidByBoth({ readyz }: Pair, text: RegExp, mostMs = 20_000): Promise<void> {
  return until(`both say ${text}`, async () => (await readyz()).every((said) => text.test(said)), mostMs);
}
