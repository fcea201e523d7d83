import type { Clock } from '../../kit/clock.ts';

/**
 * What one scope may have in L2, by what this replica stored. Uncompressed, so that no compression makes it more.
 * Bytes.
 */
export const scopeBytesMax = 8 * 1_048_576;
/** What an answer costs beside its body: header, key, a version for each tag. Bytes. */
const overheadBytes = 500;
const tagBytes = 250;
/** Most answers that are accounted for; over it the oldest scope is forgotten. An answer takes about 200 bytes. */
const answersMax = 100_000;

/** The share of each scope in L2, where there is no bound that knows scopes. */
export type Shares = {
  /**
   * Takes the place of an answer until it is over; what was there under this key is given back.
   * @returns false when the scope's share is full: nothing is stored then
   */
  take(
    scope: string,
    answer: { readonly key: string; readonly body: Uint8Array; readonly tags: readonly string[]; readonly staleUntilMs: number },
  ): boolean;
};

type Share = { bytes: number; readonly answers: Map<string, { readonly bytes: number; readonly untilMs: number }> };

/**
 * A full share refuses what is new instead of making room: so the versions of its answers' tags, which live as long as
 * the answers, are bounded with them.
 * @param bytesMax of one scope
 */
export function openShares({ clock, bytesMax = scopeBytesMax }: { readonly clock: Clock; readonly bytesMax?: number }): Shares {
  const shares = new Map<string, Share>();
  let answers = 0;
  const giveBack = (share: Share, key: string) => {
    const answer = share.answers.get(key);
    if (answer === undefined) return;
    share.answers.delete(key);
    share.bytes -= answer.bytes;
    answers--;
  };
  return {
    take: (scope, { key, body, tags, staleUntilMs }) => {
      const bytes = overheadBytes + body.byteLength + tags.reduce((sum, tag) => sum + tagBytes + tag.length, 0);
      const share = shares.get(scope) ?? { bytes: 0, answers: new Map() };
      giveBack(share, key);
      if (share.bytes + bytes > bytesMax) {
        for (const [other, { untilMs }] of share.answers) if (untilMs <= clock.nowMs()) giveBack(share, other);
      }
      shares.delete(scope); // to its end: the scope that stored nothing for the longest is first
      if (share.bytes + bytes <= bytesMax) {
        share.answers.set(key, { bytes, untilMs: staleUntilMs });
        share.bytes += bytes;
        answers++;
      }
      if (share.answers.size > 0) shares.set(scope, share);
      for (const [oldest, { answers: forgotten }] of shares) {
        if (answers <= answersMax || oldest === scope) break;
        answers -= forgotten.size;
        shares.delete(oldest);
      }
      return share.answers.has(key);
    },
  };
}
