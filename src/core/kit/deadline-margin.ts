/**
 * The part of a call's time that is reserved to send the answer: a tenth of it, 20 to 250 ms. A computation ends this
 * long before the call.
 * @param timeMs of the call
 */
export function marginMs(timeMs: number): number {
  return Math.min(250, Math.max(20, timeMs / 10));
}
