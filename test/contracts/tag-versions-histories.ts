// Random histories of raises, computations and reads, held against what they may come to: a bound for each answer.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Standing, TagVersions } from '../../src/core/ports/tag-versions.ts';
import { seeded } from '../support/time/seeded.ts';

export type HistoriesHarness = AsyncDisposable & {
  readonly versions: TagVersions;
  /** How far the clocks of its servers may be apart: late tags are then refused more often than they need to be. */
  readonly skewMs?: number;
};

/** What something was computed with: the number of the event after which its versions were read. */
type Read = { readonly tags: readonly string[]; readonly versions: readonly number[]; readonly at: number };
type Begun = Read & { readonly startedAt: number };
type Raise = { readonly tag: string | undefined; readonly soft: boolean };

const tagCount = 6;
const lifeMs = 600_000;

/** A history is the same for a seed. Nothing in it is forgotten, so that what is refused has a reason. */
export function tagVersionsHistories(adapter: string, open: () => Promise<HistoriesHarness>, { seeds, steps }: { seeds: number; steps: number }) {
  for (let seed = 1; seed <= seeds; seed++)
    test(`${adapter}, history ${seed}: nothing is current that was raised since, and nothing is refused without a raise`, async () => {
      await using on = await open();
      await runHistory(on, seeded(seed), steps);
    });
}

async function runHistory({ versions, skewMs = 0 }: HistoriesHarness, random: () => number, steps: number): Promise<void> {
  const raises: Raise[] = [];
  const begun: Begun[] = [];
  const stored: Read[] = [];
  const unstored: Read[] = [];
  const tagsOf = (least: number) => {
    const all = Array.from({ length: tagCount }, (_, i) => `tag:${i}`).sort(() => random() - 0.5);
    return all.slice(0, least + Math.floor(random() * (tagCount - least)));
  };
  const pick = <T>(from: readonly T[]): T | undefined => from[Math.floor(random() * from.length)];
  const since = ({ tags, at }: Pick<Read, 'tags' | 'at'>) =>
    raises.slice(at).filter(({ tag }) => (tag === undefined ? tags.length > 0 : tags.includes(tag)));
  const expected = (read: Read): Standing => {
    const raised = since(read);
    return raised.length === 0 ? 'current' : raised.every(({ soft }) => soft) ? 'soft' : 'invalidated';
  };

  const begin = async () => {
    const tags = tagsOf(0);
    const at = raises.length;
    begun.push({ tags, at, ...(await versions.begin(tags)) });
  };
  const keep = async () => {
    const flight = pick(begun);
    if (flight === undefined) return;
    const late = tagsOf(0).filter((tag) => !flight.tags.includes(tag));
    const tags = [...flight.tags, ...late];
    const life = random() < 0.7 ? lifeMs : 0;
    const kept = await versions.keep(tags, flight.versions, flight.startedAt, life);
    const raised = since({ tags, at: flight.at });
    if (raised.length > 0) assert.equal(kept, undefined, `kept, though raised since: ${JSON.stringify(raised)}`);
    if (raised.length === 0 && (skewMs === 0 || late.length === 0)) assert.ok(kept, `refused, and not raised since: ${tags}`);
    if (kept !== undefined) (life > 0 ? stored : unstored).push({ tags, versions: kept.versions, at: flight.at });
  };
  const stand = async () => {
    // several within a turn: read together
    const asked = [pick(stored), pick(stored), pick(unstored), pick(begun)].filter((read) => read !== undefined);
    const standings = await Promise.all(asked.map(async (read) => versions.standing(read.tags, read.versions)));
    for (const [i, read] of asked.entries()) {
      const own = read.versions.every(Number.isInteger);
      const should = expected(read);
      // the version of a bucket knows no soft raise
      if (own || should !== 'soft') assert.equal(standings[i], should, `${read.tags} with ${read.versions}`);
      else assert.notEqual(standings[i], 'current');
    }
  };
  const raise = async () => {
    if (random() < 0.1) {
      await versions.raiseAll();
      raises.push({ tag: undefined, soft: false });
      return;
    }
    const tags = tagsOf(1);
    const soft = random() < 0.5;
    await versions.raise(random() < 0.2 ? [...tags, ...tags] : tags, { soft, settleMs: random() < 0.2 ? 1 : 0 });
    for (const tag of tags) raises.push({ tag, soft });
  };
  const quiet = async () => {
    const flight = pick(begun);
    if (flight === undefined) return;
    const raised = await versions.raisedSince(flight.startedAt);
    if (raises.length > flight.at) assert.equal(raised, true);
    else if (skewMs === 0) assert.equal(raised, false);
  };
  const moves = [begin, begin, keep, keep, keep, stand, stand, stand, raise, quiet];
  for (let step = 0; step < steps; step++) await (pick(moves) as () => Promise<void>)();
}
