import type { OnInvalidated } from '../../ports/tag-events.ts';

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
