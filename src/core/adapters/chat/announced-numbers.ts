import type { Announced } from '../../ports/chat-announcements.ts';

/** What numbers were announced or read of a conversation or a user: each was committed. */
export type AnnouncedNumbers = {
  /** The largest one. */
  newest(): number;
  /**
   * Each number is announced once: a repeat is late, or of a database that lacks what was announced before.
   * @param id one that no other announcement has. Undefined: a repeat proves nothing
   * @returns `foreign`: certainly of such a database, because another announcement had one of its numbers. `late`: if
   * it is of such a database, the next ones will show it. `unproven`: they may not
   */
  note(seqs: NonNullable<Announced['seqs']>, id: string | undefined): 'new' | 'late' | 'unproven' | 'foreign';
  /** @param expected the largest one before `top` was read @returns whether the database lacks it */
  compare(top: number, expected: number): boolean;
  /** The database has another history: what follows is compared with nothing. */
  forget(): void;
};

/**
 * The announcements with the largest numbers that are kept. A restored database gives the last numbers again before it
 * goes on, however fast that is, and announcements overtake each other only by a few.
 */
const keptMax = 8;

export function announcedNumbers(): AnnouncedNumbers {
  let newest = 0;
  let kept: readonly { readonly first: number; readonly last: number; readonly id: string }[] = [];
  return {
    newest: () => newest,
    note: ([first, last], id) => {
      if (id !== undefined && kept.some((other) => other.id !== id && other.first <= last && first <= other.last)) return 'foreign';
      // a restored database goes through what is kept, unless it begins after it, or more than that was read
      if (last <= newest) return kept.at(-1)?.last === newest && first > (kept[0]?.first ?? 0) ? 'late' : 'unproven';
      newest = last;
      if (id !== undefined) kept = [...kept.slice(1 - keptMax), { first, last, id }];
      return 'new';
    },
    compare: (top, expected) => {
      const isBehind = top < expected;
      newest = isBehind ? top : Math.max(newest, top);
      return isBehind;
    },
    forget: () => {
      newest = 0;
      kept = [];
    },
  };
}
