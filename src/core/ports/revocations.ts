/**
 * Sessions that ended before their access tokens expire. Each is removed once those tokens have expired. The session
 * row in SQL is the source of truth; this port carries the event.
 */
export type Revocations = {
  /** @param ttlMs the remaining lifetime of the longest token: whole milliseconds, at least 1 */
  add(sessionId: string, ttlMs: number): Promise<void>;
  /** Synchronous, because every call needs it: it answers from the memory of this replica. */
  has(sessionId: string): boolean;
  /** Calls back once for each session that ends from now on, for open streams. @returns removes the callback */
  onAdd(callback: (sessionId: string) => void): () => void;
};
