import { StoreDown } from '../../src/core/kit/store-down.ts';
import type { CacheStore } from '../../src/core/ports/cache-store.ts';
import type { Leases } from '../../src/core/ports/leases.ts';
import type { TagVersions } from '../../src/core/ports/tag-versions.ts';

/** Waits before and after each step of a port, as a network does. */
export type Step = <T>(step: () => T | Promise<T>) => Promise<T>;

export function delayed(pause: () => Promise<void>): Step {
  return async (step) => {
    await pause();
    const result = await step();
    await pause();
    return result;
  };
}

export function slowVersions(versions: TagVersions, step: Step): TagVersions {
  return {
    standing: (...asked) => step(() => versions.standing(...asked)),
    begin: (...asked) => step(() => versions.begin(...asked)),
    keep: (...asked) => step(() => versions.keep(...asked)),
    raise: (...asked) => step(() => versions.raise(...asked)),
    raiseAll: () => step(versions.raiseAll),
    raisedSince: (...asked) => step(() => versions.raisedSince(...asked)),
  };
}

export function slowStore(store: CacheStore, step: Step): CacheStore {
  return { get: (...asked) => step(() => store.get(...asked)), set: (...asked) => step(() => store.set(...asked)) };
}

/** Versions that cannot be asked now and then, for some questions. */
export function failingVersions(versions: TagVersions, random: () => number): TagVersions {
  let left = 0;
  const asked = <T>(ask: () => T): T => {
    left = left > 0 ? left - 1 : random() < 0.02 ? Math.floor(random() * 60) : 0;
    if (left > 0) throw new StoreDown('timeout', 'It did not answer.');
    return ask();
  };
  return {
    standing: (...words) => asked(() => versions.standing(...words)),
    begin: (...words) => asked(() => versions.begin(...words)),
    keep: (...words) => asked(() => versions.keep(...words)),
    raise: (...words) => asked(() => versions.raise(...words)),
    raiseAll: () => asked(versions.raiseAll),
    raisedSince: (...words) => asked(() => versions.raisedSince(...words)),
  };
}

/** A store that now and then does not answer a reader. */
export function failingStore(store: CacheStore, fails: () => boolean): CacheStore {
  return {
    ...store,
    get: (key) => {
      if (fails()) throw new StoreDown('timeout', 'It did not answer.');
      return store.get(key);
    },
  };
}

export function slowLeases(leases: Leases, step: Step): Leases {
  return {
    take: (...asked) => step(() => leases.take(...asked)),
    held: (...asked) => step(() => leases.held(...asked)),
    release: (...asked) => step(() => leases.release(...asked)),
  };
}
