/** Sessions ended before their access tokens die. Each is forgotten once those tokens are dead anyway. Truth is the session row in SQL; this carries the news. */
export type Revocations = {
  /** @param ttlMs what is left of the longest token's life: whole milliseconds, at least 1 */
  add(sessionId: string, ttlMs: number): Promise<void>;
  /** Synchronous, because it is asked on every call: it answers from what this replica knows. */
  has(sessionId: string): boolean;
  /** Calls back once for each session that ends from now on, for streams that are open. @returns takes the callback off again */
  onAdd(callback: (sessionId: string) => void): () => void;
};
