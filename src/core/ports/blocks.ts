/** Of one user. */
export const blocksMax = 1_000;

/**
 * Whom users have blocked, in durable storage. What a block changes for readers is the business of those who read.
 *
 * Promises, in every adapter:
 * - A change is an own change of the user, and of each conversation that both users are or were in: whoever reads own
 * changes finds it, however late.
 * - Repeats change nothing. Every method throws Fault STORAGE_DOWN when the database is unavailable.
 */
export type Blocks = {
  /** @returns whether it was new @throws Fault BLOCKS_TOO_MANY, REQUEST_INVALID for the user's own id */
  block(userId: string, blockedId: string): Promise<boolean>;
  /** @returns whether there was one */
  unblock(userId: string, blockedId: string): Promise<boolean>;
  /** In the order of the ids. */
  list(
    userId: string,
    page: { readonly most: number; readonly afterId: string },
  ): Promise<readonly { readonly userId: string; readonly blockedAtMs: number }[]>;
};
