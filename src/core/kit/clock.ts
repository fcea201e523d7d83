/** The time, and waiting for it: handed in, so that tests can move it. */
export type Clock = {
  /** Milliseconds since 1970, whole. */
  nowMs(): number;
  /** Milliseconds that only ever rise, with fractions: for measuring. */
  monotonicMs(): number;
  /**
   * Runs `callback` once after `delayMs`, unless cancelled. A delay above 2^31-1 ms is cut to that: Node would fire it after 1 ms.
   * @returns cancels; safe to call at any time
   */
  after(delayMs: number, callback: () => void): () => void;
};
