import type { Counts } from '../counts.ts';

/** What all kinds of load have. */
export type LoadParts = {
  readonly port: number;
  readonly ca: Buffer;
  /** Of each user that calls. */
  readonly tokens: readonly string[];
  /** How many there are for each client of 2,000. */
  readonly scale: number;
  readonly counts: Counts;
  readonly signal: AbortSignal;
};

export const pick = <T>(values: readonly T[]): T => values[Math.floor(Math.random() * values.length)] as T;
