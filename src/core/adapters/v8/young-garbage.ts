import { constants, PerformanceObserver } from 'node:perf_hooks';
import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bytes. What of them is alive is copied in some milliseconds. */
const youngMost = 2 * 2 ** 20;

/**
 * Opens what collects the young objects before V8 does so by itself. Much of what many newcomers make stays alive, and
 * V8 waits for 16 MB of it: it then copies for 30 to 60 ms, in which no call goes on.
 * @returns collects them if there are many. It changes nothing for a process that never calls it
 */
export function openYoungCollector(): () => void {
  let collect: (() => void) | undefined;
  let isMarking = false;
  const begin = () => {
    // V8 ends a marking of the old objects in one long step when the young ones are collected meanwhile
    new PerformanceObserver((list) => {
      for (const { detail } of list.getEntries() as unknown as readonly { readonly detail: { readonly kind: number } }[]) {
        const { kind } = detail;
        if (kind === constants.NODE_PERFORMANCE_GC_INCREMENTAL) isMarking = true;
        if (kind === constants.NODE_PERFORMANCE_GC_MAJOR) isMarking = false;
      }
    }).observe({ entryTypes: ['gc'] });
    return youngCollection();
  };
  return () => {
    collect ??= begin();
    if (!isMarking && youngBytes() > youngMost) collect();
  };
}

/** V8's collection of young objects, which a context has that is made while the flag is set. */
export function youngCollection(): () => void {
  setFlagsFromString('--expose-gc');
  const gc: unknown = runInNewContext('globalThis.gc');
  setFlagsFromString('--no-expose-gc');
  return typeof gc === 'function' ? () => gc({ type: 'minor' }) : () => {};
}

function youngBytes(): number {
  return getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_used_size ?? 0;
}
