import { Fault } from '../../kit/fault.ts';
import { StoreDown } from '../../kit/store-down.ts';
import type { Invalidate, InvalidateWritten, OnInvalidated } from '../../ports/invalidate.ts';
import type { TagVersions } from '../../ports/tag-versions.ts';
import type { Pending } from './pending-invalidations.ts';

/**
 * When the versions are raised no replica serves an older answer as fresh; sealing and publishing only make things
 * prompt.
 * @param seal closes the flights of these tags in this process
 * @param publish notifies this process and the others
 */
export function invalidationBy({
  versions,
  seal,
  publish,
  pending,
}: {
  readonly versions: TagVersions;
  readonly seal: (tags: readonly string[]) => void;
  readonly publish: (tags: readonly string[]) => void;
  readonly pending: Pending;
}): { readonly invalidate: Invalidate; readonly invalidateWritten: InvalidateWritten } {
  const invalidate: Invalidate = async (tags, options) => {
    try {
      await versions.raise(tags, options);
    } catch (cause) {
      if (!(cause instanceof StoreDown)) throw cause;
      throw new Fault('STORE_DOWN', 'The store that all replicas share did not confirm it: older answers may still be served. Try again.', {
        retryAfterMs: 1_000,
        cause,
      });
    } finally {
      seal(tags);
    }
    publish(tags);
  };
  return {
    invalidate,
    invalidateWritten: async (tags, options = {}) => {
      try {
        await invalidate(tags, options);
      } catch (error) {
        if (!(error instanceof Fault && error.reason === 'STORE_DOWN')) throw error;
        pending.add(tags, options);
      }
    },
  };
}

/** Events of invalidated tags within this process. */
export function openTagEvents(): { readonly publish: (tags: readonly string[] | undefined) => void; readonly onInvalidated: OnInvalidated } {
  const callbacks = new Set<(tags: readonly string[] | undefined) => void>();
  return {
    publish: (tags) => {
      for (const callback of [...callbacks]) callback(tags);
    },
    onInvalidated: (callback) => {
      callbacks.add(callback);
      return () => callbacks.delete(callback);
    },
  };
}
