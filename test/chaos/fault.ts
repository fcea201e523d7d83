import assert from 'node:assert/strict';
import { until } from '../support/until.ts';
import type { Load } from './load.ts';
import type { Pair } from './pair.ts';

/** Something that happens to Redis, and passes. */
export type Fault = {
  readonly name: string;
  readonly begin: () => unknown;
  /** What is to be seen while it lasts. */
  readonly during?: () => Promise<void>;
  readonly end?: () => unknown;
};

export type Loaded = { readonly pair: Pair; readonly load: Load };

/**
 * Lets a fault happen under load: before, during and after it no call fails that needs no Redis, nothing old is served as fresh, and afterwards both doors are whole again
 * without a restart.
 * @param reads how long it lasts at least
 * @returns what was counted while it lasted
 */
export async function bring({ name, begin, during, end }: Fault, { pair, load }: Loaded, reads = 150): Promise<Readonly<Record<string, number>>> {
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
  await pair.assertWhole();
  await load.goesOn(60);
  await until('there are hits again', () => (load.counts().hit ?? 0) > 0);
  assert.deepEqual([load.staleAsFresh.slice(found), load.failures.slice(failed)], [[], []]);
  return load.counts(name);
}

/** Resolved when both doors say so in /readyz, which answers 200 all along. */
export function saidByBoth({ readyz }: Pair, text: RegExp): Promise<void> {
  return until(`both say ${text}`, async () => (await readyz()).every((said) => text.test(said)), 20_000);
}
