import { backoffMs } from '../../core/kit/backoff.ts';

/** Full jitter. */
const backoff = { firstMs: 1_000, factor: 2, mostMs: 30_000, least: 0, spread: 1 };

/**
 * How long a client waits before its next attempt: full jitter.
 * @param failures in a row, from 1; the first one is tried again at once
 * @param random from 0 up to 1
 * @returns whole milliseconds
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
 */
export function waitMs(failures: number, random: number): number {
  return failures <= 1 ? 0 : Math.floor(backoffMs(backoff, failures - 1, () => random));
}

/** A wait that the server asks for, with a random part, so that not all clients come back at once. */
export function askedMs(delayMs: number, random: number): number {
  return delayMs === 0 ? 0 : delayMs + Math.floor(random * Math.max(1_000, delayMs / 2));
}
