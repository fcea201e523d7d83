import type { Meter } from '@opentelemetry/api';
import { observeGauge } from '../kit/observe-metric.ts';

/** The messages that wait for one client. */
export type Waiter = {
  readonly waitingBytes: number;
  /** Since when none of them was taken. */
  readonly stalledSinceMs: number | undefined;
  /** Closes the client's stream, which drops what waits. */
  giveUp(): void;
};

/** What waits for all clients of a replica's streams together. */
export type WaitingBytes = {
  readonly bytes: number;
  grew(waiter: Waiter, bytes: number): void;
  /** Called when the waiter has these bytes no more. */
  shrank(waiter: Waiter, bytes: number): void;
};

/** How far a relief goes below the bound, so that the next message does not begin another one. */
const reliefShare = 7 / 8;

/**
 * Bounds what waits for slow clients together. Over the bound, streams are closed until there is room: those first
 * whose clients have taken nothing for the longest time, then those with the most. A client that reads is not affected
 * by those that do not.
 */
export function openWaitingBytes(bytesMax: number, meter: Meter): WaitingBytes {
  const waiters = new Set<Waiter>();
  let bytes = 0;
  let relieving = false;
  observeGauge(meter, 'portico.streams.queued', 'Bytes that wait for the clients of live and chat streams.', () => bytes);
  const relieve = () => {
    relieving = true; // what closes a stream may send to others
    const stalledFirst = [...waiters].sort(
      (a, b) => (a.stalledSinceMs ?? Number.POSITIVE_INFINITY) - (b.stalledSinceMs ?? Number.POSITIVE_INFINITY) || b.waitingBytes - a.waitingBytes,
    );
    for (const waiter of stalledFirst) {
      if (bytes <= bytesMax * reliefShare) break;
      waiter.giveUp();
    }
    relieving = false;
  };
  return {
    get bytes() {
      return bytes;
    },
    grew: (waiter, more) => {
      bytes += more;
      waiters.add(waiter);
      if (bytes > bytesMax && !relieving) relieve();
    },
    shrank: (waiter, less) => {
      bytes -= less;
      if (waiter.waitingBytes === 0) waiters.delete(waiter);
    },
  };
}
