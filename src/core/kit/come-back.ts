/** The longest time after which a refused client asks again: maintenance may end before its time. Milliseconds. */
const askAgainMs = 60_000;

/**
 * When a client that is refused for a known time comes back: not before that has passed, or once a minute to look, and
 * each at another moment of the spread.
 * @param random from 0 up to 1
 * @returns whole milliseconds
 */
export function comeBackMs(leftMs: number, { spreadMs, random }: { readonly spreadMs: number; readonly random: () => number }): number {
  return Math.ceil(Math.min(Math.max(0, leftMs), askAgainMs) + random() * spreadMs);
}
