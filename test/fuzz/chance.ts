// Chance that repeats: what a case is made of hangs on its seed alone.
import { seeded } from '../support/time/seeded.ts';

export type Chance = {
  /** A whole number from `from` to `to`, both included. */
  int(from: number, to: number): number;
  /** True this often: 0 to 1. */
  often(share: number): boolean;
  pick<T>(from: readonly T[]): T;
  bytes(most: number): Buffer;
  /** Changes bytes: flips, cuts, repeats, inserts. */
  mutated(bytes: Buffer): Buffer;
  /** Cuts bytes into pieces. */
  pieces(bytes: Buffer): Buffer[];
};

export function chanceOf(seed: number): Chance {
  const next = seeded(seed);
  const int = (from: number, to: number) => from + Math.floor(next() * (to - from + 1));
  const often = (share: number) => next() < share;
  const pick = <T>(from: readonly T[]): T => from[int(0, from.length - 1)] as T;
  const bytes = (most: number) => Buffer.from(Array.from({ length: int(0, most) }, () => int(0, 255)));
  const mutated = (before: Buffer) => {
    let after = Buffer.from(before);
    for (let i = int(1, 3); i > 0; i--) {
      const at = int(0, Math.max(0, after.length - 1));
      const how = int(0, 3);
      if (how === 0 && after.length > 0) after[at] = int(0, 255);
      else if (how === 1) after = after.subarray(0, at);
      else if (how === 2) after = Buffer.concat([after, after.subarray(at)]);
      else after = Buffer.concat([after.subarray(0, at), bytes(8), after.subarray(at)]);
    }
    return after;
  };
  const pieces = (whole: Buffer) => {
    const parts: Buffer[] = [];
    for (let at = 0; at < whole.length; ) {
      const length = int(1, often(0.3) ? 4 : whole.length);
      parts.push(whole.subarray(at, at + length));
      at += length;
    }
    return parts;
  };
  return { int, often, pick, bytes, mutated, pieces };
}

/** The seed of the case with this number: cases can be run one by one. */
export function seedOf(seed: number, number: number): number {
  return (Math.imul(seed, 0x9e3779b1) + Math.imul(number + 1, 0x85ebca6b)) | 0;
}
