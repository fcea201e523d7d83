import type { Soon } from '../kit/soon.ts';
import { soonThen } from '../kit/soon.ts';
import type { Standing, TagVersions } from '../ports/tag-versions.ts';
import { gone, type Patience } from './patience.ts';

/** What an answer's freshness hangs on besides its age. */
export type Stamp = {
  readonly generation: string;
  readonly tags: readonly string[];
  readonly versions: readonly number[];
};

/** How an answer stands now; "unknown" while the shared store cannot be asked: then it may be served, but never as fresh. */
export type Judgement = Standing | 'unknown';

export type Judge = (stamp: Stamp, patience: Patience) => Soon<Judgement>;

/**
 * @param generation of the store of versions now; undefined while it is not known
 * @param isPending whether a tag's invalidation is still to be told to the shared store
 */
export function judgeBy(versions: TagVersions, generation: () => string | undefined, isPending: (tag: string) => boolean): Judge {
  const now = (stamp: Stamp): Judgement => {
    const current = generation();
    return current === undefined ? 'unknown' : current === stamp.generation ? 'unmoved' : 'moved';
  };
  return (stamp, patience) => {
    if (stamp.tags.some(isPending)) return 'moved';
    const before = now(stamp);
    if (before !== 'unmoved') return before;
    return soonThen(patience.wait(versions.standing(stamp.tags, stamp.versions)), (standing) => {
      if (standing === gone) return 'unknown';
      if (standing === 'moved') return 'moved';
      const after = now(stamp); // the reply may have come from a store of another generation, whose versions say nothing
      return after === 'unmoved' ? standing : after;
    });
  };
}
