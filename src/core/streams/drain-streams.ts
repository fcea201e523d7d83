import type { Clock } from '../kit/clock.ts';
import type { Close } from './close-advice.ts';
import { eachInTurns, type Turns } from './event-loop-turns.ts';
import type { Stream } from './stream.ts';

type Streams = readonly { readonly stream: Stream }[];
/** Each stream has a delay of its own, at random, so that their clients do not come to the other replicas at once. */
type Spread = { readonly spreadMs: number; readonly random: () => number };

/**
 * Announces the end of all streams, each with its delay; a quarter of the grace time later it is closed.
 * @returns how many there are
 */
export function drainStreams(
  all: Streams,
  { spreadMs, graceMs, random, turns }: Spread & { readonly graceMs: number; readonly turns: Turns },
): number {
  eachInTurns(turns, all, ({ stream }) => {
    const delayMs = Math.floor(random() * spreadMs);
    stream.goAway(delayMs, delayMs + Math.floor(graceMs / 4));
  });
  return all.length;
}

/** Closes all streams, each after its delay. @param closeOf of each, when it is closed; undefined: it stays */
export function closeSpread(all: Streams, { spreadMs, random, clock }: Spread & { readonly clock: Clock }, closeOf: () => Close | undefined): void {
  for (const { stream } of all) {
    const cancel = clock.after(Math.floor(random() * spreadMs), () => {
      const close = closeOf();
      if (close !== undefined) stream.close(close);
    });
    stream.signal.addEventListener('abort', cancel, { once: true });
  }
}
