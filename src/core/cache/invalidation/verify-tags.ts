import type { Soon } from '../../kit/soon.ts';
import { soonThen } from '../../kit/soon.ts';
import type { Standing, TagVersions } from '../../ports/tag-versions.ts';
import { unavailable, type WaitBudget } from '../wait-budget.ts';

/**
 * What an answer's freshness hangs on besides its age: its tags with their versions, and the generation of the store
 * that these are of.
 */
export type TagSnapshot = {
  readonly generation: string;
  readonly tags: readonly string[];
  readonly versions: readonly number[];
};

/**
 * Whether an answer is current. "unknown" while the shared store does not answer: the answer may then be served, but
 * never as fresh.
 */
export type Verdict = Standing | 'unknown';

/** Compares a snapshot with the versions now. */
export type Verify = (snapshot: TagSnapshot, budget: WaitBudget) => Soon<Verdict>;

/**
 * @param generation of the store of versions now; undefined while it is not known
 * @param isPending whether a tag's invalidation is still pending
 */
export function verifyBy(versions: TagVersions, generation: () => string | undefined, isPending: (tags: readonly string[]) => boolean): Verify {
  const now = (snapshot: TagSnapshot): Verdict => {
    const current = generation();
    return current === undefined ? 'unknown' : current === snapshot.generation ? 'current' : 'invalidated';
  };
  return (snapshot, budget) => {
    if (isPending(snapshot.tags)) return 'invalidated';
    const before = now(snapshot);
    if (before !== 'current') return before;
    return soonThen(budget.wait(versions.standing(snapshot.tags, snapshot.versions)), (standing) => {
      if (standing === unavailable) return 'unknown';
      if (standing === 'invalidated') return standing;
      const after = now(snapshot); // the reply may have come from a store of another generation, whose versions say nothing
      return after === 'current' ? standing : after;
    });
  };
}
