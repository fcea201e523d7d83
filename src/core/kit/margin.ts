/** What is kept of a call's time to send an answer: a tenth of it, 20 to 250 ms. Whoever computes ends so long before the call does. @param timeMs of the call */
export function marginMs(timeMs: number): number {
  return Math.min(250, Math.max(20, timeMs / 10));
}
