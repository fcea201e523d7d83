import type { FuzzResult } from './fuzz.ts';

/** From this long on a run says something of memory: before, caches and the heap are still filling. Seconds. */
const longS = 120;
/**
 * What RSS after garbage collection may grow by between a fifth of the time and its end: V8 does not give all pages
 * back.
 */
const growthMax = 1.1;
const growthBytesMax = 20_000_000;

/** @returns what is wrong: memory that grows with what is sent */
export function memoryOf({ rssBytes: [early, late] }: FuzzResult, seconds: number): string | undefined {
  if (seconds < longS || late <= Math.max(early * growthMax, early + growthBytesMax)) return undefined;
  return `Memory has grown from ${early} to ${late} bytes.`;
}
