// The workloads on replicas in memory and a fake clock: a seed gives the same history each time.
import assert from 'node:assert/strict';
import { memoryCacheStore } from '../../src/core/adapters/memory/cache-store.ts';
import { memoryLeases } from '../../src/core/adapters/memory/leases.ts';
import { memoryTagVersions } from '../../src/core/adapters/memory/tag-versions.ts';
import { fakeClock } from '../support/time/clock.ts';
import { seeded } from '../support/time/seeded.ts';
import { stall } from './fence.ts';
import { type RaceOptions, type RaceResult, race } from './race.ts';
import { openReplica, type ReplicaParts, shortLeases } from './replicas.ts';
import { delayed } from './slow.ts';

export type Setting = Partial<RaceOptions> & {
  /** More than one share a store and leases, in memory. */
  readonly replicas?: number;
  /** Takes a safeguard out. */
  readonly without?: (parts: ReplicaParts) => Partial<ReplicaParts>;
};

type World = Pick<RaceOptions, 'caches' | 'clock' | 'random' | 'sleep'>;

async function run<T>(
  seed: number,
  { replicas = 1, without, leaseMs }: { replicas?: number; without?: Setting['without']; leaseMs?: number },
  workload: (world: World) => Promise<T>,
): Promise<T> {
  const clock = fakeClock();
  const random = seeded(seed);
  const sleep = (ms: number) => new Promise<void>((resolve) => clock.after(Math.round(ms), resolve));
  const step = delayed(() => sleep(random() * 2));
  const leases = memoryLeases(clock);
  const taken = leaseMs === undefined ? leases : shortLeases(leases, leaseMs);
  const versions = memoryTagVersions({ clock });
  const shared = { store: memoryCacheStore({ bytesMax: 10_000_000, leases }), leases: taken };
  const parts = { versions, ...(replicas > 1 && { shared }) };
  const caches = Array.from({ length: replicas }, () => openReplica(parts, { clock, random, step, ...(without && { without }) }));
  let over = false;
  const result = workload({ caches, clock, random, sleep }).finally(() => {
    over = true;
  });
  while (!over) await clock.advance(1);
  return result;
}

export function raceOf(seed: number, { replicas, without, ...options }: Setting = {}): Promise<RaceResult> {
  return run(seed, { ...(replicas && { replicas }), ...(without && { without }) }, (world) => race({ ...world, ...options }));
}

/** Looks in several histories: not each of them has what is looked for. */
export async function found(look: (seed: number) => Promise<boolean>): Promise<void> {
  for (let seed = 1; seed <= 6; seed++) if (await look(seed)) return;
  assert.fail('It was not found.');
}

/** How long leases last in `stallOf`. Milliseconds. */
const leaseMs = 20;

/** Two replicas whose computations stall past their leases. */
export function stallOf(seed: number, without?: Setting['without']): ReturnType<typeof stall> {
  return run(seed, { replicas: 2, leaseMs, ...(without && { without }) }, (world) => stall({ ...world, leaseMs }));
}
