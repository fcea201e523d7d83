/** Waits that grow with each failure in a row. Milliseconds. */
export type Backoff = {
  readonly firstMs: number;
  readonly factor: number;
  readonly mostMs: number;
  /** Each wait is multiplied by a random number from `least` up to `least + spread`. */
  readonly least: number;
  readonly spread: number;
};

/**
 * The wait after the n-th failure in a row.
 * @param n from 1
 * @param random from 0 up to 1
 */
export function backoffMs({ firstMs, factor, mostMs, least, spread }: Backoff, n: number, random: () => number): number {
  return Math.min(firstMs * factor ** (n - 1), mostMs) * (least + spread * random());
}
