/** No scope may have more than this part of what is kept, so that no single caller drops what others have. */
export const scopeShare = 0.1;

export type ScopedKey = { readonly key: string; readonly scope: string };

/** Values in the order in which they were set. What is kept has a bound, and so has what one scope has of it. */
export type ScopedMap<T> = {
  get(key: string): T | undefined;
  /** Takes the place of what was under this key. A value that is larger than the share of a scope is not kept. */
  set(key: ScopedKey, value: T, size?: number): void;
  delete(key: string): void;
  readonly size: number;
  oldest(): readonly [key: string, value: T] | undefined;
};

/** @param most the sum of all sizes: over it the oldest goes; over the share of its scope the oldest of this scope */
export function openScopedMap<T>(most: number): ScopedMap<T> {
  type Kept = { readonly scope: string; readonly size: number; readonly value: T };
  const all = new Map<string, Kept>();
  const scopes = new Map<string, { size: number; readonly keys: Set<string> }>();
  let sum = 0;
  const remove = (key: string) => {
    const kept = all.get(key);
    const own = kept && scopes.get(kept.scope);
    if (kept === undefined || own === undefined) return;
    all.delete(key);
    own.keys.delete(key);
    own.size -= kept.size;
    sum -= kept.size;
    if (own.keys.size === 0) scopes.delete(kept.scope);
  };
  const shrink = (keys: Iterable<string>, isOver: () => boolean) => {
    for (const oldest of keys) {
      if (!isOver()) return;
      remove(oldest);
    }
  };
  return {
    get: (key) => all.get(key)?.value,
    set: ({ key, scope }, value, size = 1) => {
      remove(key);
      if (size > most * scopeShare) return;
      const own = scopes.get(scope) ?? { size: 0, keys: new Set() };
      scopes.set(scope, own);
      all.set(key, { scope, size, value });
      own.keys.add(key);
      own.size += size;
      sum += size;
      shrink(own.keys, () => own.size > most * scopeShare);
      shrink(all.keys(), () => sum > most);
    },
    delete: remove,
    get size() {
      return all.size;
    },
    oldest: () => {
      for (const [key, { value }] of all) return [key, value];
      return undefined;
    },
  };
}
