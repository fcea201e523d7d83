import { setImmediate } from 'node:timers/promises';
import type { CacheEntry } from '../../ports/cache-store.ts';
import type { CopiesOfUsers, OwnOfUsers } from '../../ports/user-data.ts';
import { answerRecord, answersOf, isOf, type ScopesOf } from '../user-copies/answers-and-events.ts';
import type { MemoryTagVersions } from './tag-versions.ts';

/** Entries that can be scanned. */
export type Entries = {
  /** Of all entries, as they are now. */
  keys(): readonly string[];
  /** Not a use: it keeps no entry from being removed. */
  peek(key: string): CacheEntry | undefined;
  delete(key: string): void;
};

/** Entries and tags looked at without a turn of the event loop. */
const atOnce = 1_000;

/** Deletes the answers of users from this process. @returns how many */
export async function dropAnswers(store: Entries, userIds: readonly string[], { scopesOf }: Pick<OwnOfUsers, 'scopesOf'>): Promise<number> {
  const users = answersOf(userIds, scopesOf);
  let dropped = 0;
  for await (const key of inTurns(store.keys())) {
    const entry = store.peek(key);
    if (entry === undefined || !isOf(users, entry)) continue;
    store.delete(key);
    dropped++;
  }
  return dropped;
}

/** The answers of users where this process is the only replica. */
export function memoryAnswersOfUsers({
  store,
  versions,
  scopesOf,
}: {
  readonly store: Entries;
  readonly versions: Pick<MemoryTagVersions, 'forget' | 'names'>;
  readonly scopesOf: ScopesOf;
}): CopiesOfUsers {
  return {
    read: async function* (userId, signal) {
      const { hasScope } = answersOf([userId], scopesOf);
      for await (const key of inTurns(store.keys())) {
        signal.throwIfAborted();
        const entry = store.peek(key);
        if (entry !== undefined && hasScope(entry.scope)) yield answerRecord(entry);
      }
    },
    forget: async (userId) => {
      const answers = await dropAnswers(store, [userId], { scopesOf });
      const users = answersOf([userId], scopesOf);
      const tags: string[] = [];
      for await (const tag of inTurns(versions.names())) if (users.hasTag(tag)) tags.push(tag);
      await versions.forget(tags);
      return { erased: { answers, tags: tags.length }, place: undefined, isDone: true };
    },
  };
}

async function* inTurns<T>(all: readonly T[]): AsyncGenerator<T> {
  for (let i = 0; i < all.length; i += atOnce) {
    if (i > 0) await setImmediate();
    yield* all.slice(i, i + atOnce);
  }
}
