import type { Meter } from '@opentelemetry/api';
import { observeGauge } from '../kit/observe-metric.ts';

/** The messages that wait for one client. */
export type Waiter = {
  readonly waitingBytes: number;
  /** For how long the client has taken no byte of them. */
  readonly stalledForMs: number | undefined;
  /** Closes the client's stream, which drops what waits. */
  giveUp(): void;
};

/** What waits for all clients of a replica's streams together: the memory that it takes. */
export type WaitingBytes = {
  readonly bytes: number;
  /** A message begins to wait for one more client. That client, or others, may be given up before it returns. */
  grew(waiter: Waiter, message: Uint8Array): void;
  /** A message waits no more for that client. */
  shrank(waiter: Waiter, message: Uint8Array): void;
};

/** What a message takes in the list of each client besides: an object of three fields and its place. */
const placeBytes = 64;

/** How far a relief goes below the bound, so that the next message does not begin another one. */
const reliefShare = 7 / 8;

/**
 * Bounds what waits for slow clients together. A message that waits for many is in memory once, and counts once:
 * otherwise one large event would close the streams of clients that read. Over the bound, streams are closed until
 * there is room: those first whose clients have taken nothing for the longest time, then those with the most.
 */
export function openWaitingBytes(bytesMax: number, meter: Meter): WaitingBytes {
  const waiters = new Set<Waiter>();
  /** By message: for how many clients it waits. */
  const clients = new Map<Uint8Array, number>();
  let bytes = 0;
  let relieving = false;
  observeGauge(meter, 'portico.streams.queued', 'Bytes that wait for the clients of live and chat streams.', () => bytes);
  const relieve = () => {
    relieving = true; // what closes a stream may send to others
    const stalledFirst = [...waiters].sort((a, b) => (b.stalledForMs ?? 0) - (a.stalledForMs ?? 0) || b.waitingBytes - a.waitingBytes);
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
    grew: (waiter, message) => {
      const count = clients.get(message) ?? 0;
      clients.set(message, count + 1);
      bytes += placeBytes + (count === 0 ? message.byteLength : 0);
      waiters.add(waiter);
      if (bytes > bytesMax && !relieving) relieve();
    },
    shrank: (waiter, message) => {
      const left = (clients.get(message) ?? 1) - 1;
      if (left === 0) clients.delete(message);
      else clients.set(message, left);
      bytes -= placeBytes + (left === 0 ? message.byteLength : 0);
      if (waiter.waitingBytes === 0) waiters.delete(waiter);
    },
  };
}
