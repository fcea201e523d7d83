/** Time and timers. They are parameters, so that tests control them. */
export type Clock = {
  /** Milliseconds since 1970, whole. */
  nowMs(): number;
  /** Monotonic milliseconds with fractions, for measurements. */
  monotonicMs(): number;
  /**
   * Runs `callback` once after `delayMs`, unless cancelled. A longer delay than 2^31-1 ms is reduced to that: Node
   * would fire it after 1 ms.
   * @returns cancels; safe to call at any time
   */
  after(delayMs: number, callback: () => void): () => void;
};
