import type { Clock } from '../../core/kit/clock.ts';
import type { Connection, Outgoing } from './http-connection.ts';

export type UnreadLimits = {
  /** How long the bytes of an answer may wait without any of them leaving. */
  readonly stallMs: number;
  readonly connectionBytesMax: number;
  /** Of all connections of a listener. */
  readonly bytesMax: number;
};

/** Bounds the cost of answers that clients do not read. */
export type Unread = {
  /** Bytes of an answer are passed on to the connection. */
  wrote(connection: Connection, bytes: number): void;
  close(): void;
};

const recheckMs = 1_000;

/**
 * Ends streams whose bytes do not leave, because the client does not read or opens no window; the connection, if that
 * holds for all its streams; and connections with too many waiting bytes: beyond the bound for all, those that have
 * been stuck for the longest time first. One timer for all, which runs only while bytes may wait.
 */
export function unreadAnswers({ stallMs, connectionBytesMax, bytesMax }: UnreadLimits, clock: Clock): Unread {
  let watched: Connection[] = [];
  let bytes = 0;
  let cancel: (() => void) | undefined;
  let recount: NodeJS.Immediate | undefined;
  let checkedMs = 0;
  const everyMs = Math.max(20, Math.min(recheckMs, stallMs / 4));
  const count = (passedMs: number) => {
    const kept: Connection[] = [];
    bytes = 0;
    for (const connection of watched) {
      check(connection, passedMs, stallMs);
      if (connection.queuedMost > connectionBytesMax) end(connection, 'queue_full');
      bytes += connection.queuedMost;
      connection.isWatched = connection.queuedMost > 0;
      if (connection.isWatched) kept.push(connection);
    }
    watched = kept;
    if (bytes <= bytesMax) return;
    // a large answer on its way to a client that reads may be the largest: those without progress go first
    for (const connection of [...watched].sort((a, b) => stuckForMs(b) - stuckForMs(a) || b.queuedMost - a.queuedMost)) {
      bytes -= connection.queuedMost;
      end(connection, 'queues_full');
      if (bytes <= bytesMax) return;
    }
  };
  const recheck = () => {
    cancel = undefined;
    const passedMs = Math.min(clock.monotonicMs() - checkedMs, 2 * everyMs); // a pause of the whole machine is no fault of a client
    count(passedMs);
    if (watched.length > 0) start();
  };
  const start = () => {
    checkedMs = clock.monotonicMs();
    cancel = clock.after(everyMs, recheck);
  };
  return {
    wrote: (connection, more) => {
      connection.queuedMost += more;
      bytes += more;
      if (!connection.isWatched) {
        connection.isWatched = true;
        watched.push(connection);
      }
      if (cancel === undefined) start();
      // Not in this tick: Node 24 can spin for ever when a stream is closed in the tick of its writes.
      if (connection.queuedMost > connectionBytesMax || bytes > bytesMax)
        recount ??= setImmediate(() => {
          recount = undefined;
          count(0);
        });
    },
    close: () => {
      cancel?.();
      clearImmediate(recount);
    },
  };
}

/**
 * Counts the waiting bytes of a connection exactly, and ends what is stuck. Progress is a message, or a piece of a
 * large one, that has left; if the socket is what waits, also bytes of it that the kernel has taken.
 */
function check(connection: Connection, passedMs: number, stallMs: number): void {
  const stuck: Outgoing[] = [];
  let queued = 0;
  const unsent = connection.parts.unsent();
  const hasMoved = unsent < connection.unsent;
  connection.unsent = unsent;
  for (const one of connection.open) {
    const waiting = one.output.writableLength;
    const drained = one.written - waiting;
    one.stuckForMs = waiting === 0 || hasMoved || drained !== one.drained ? 0 : one.stuckForMs + passedMs;
    one.drained = drained;
    queued += waiting;
    if (one.stuckForMs >= stallMs) stuck.push(one);
  }
  connection.queuedMost = queued;
  if (stuck.length > 0 && stuck.length === connection.open.length) end(connection, 'connection_stalled');
  else for (const one of stuck) endOne(one);
}

/** How long none of its answers has made progress; 0: one of them has, or nothing waits. */
function stuckForMs({ open }: Connection): number {
  let least = Number.POSITIVE_INFINITY;
  for (const { output, stuckForMs } of open) if (output.writableLength > 0) least = Math.min(least, stuckForMs);
  return Number.isFinite(least) ? least : 0;
}

/** Ends one stream, once: with its window closed it stays open for a while. */
function endOne(one: Outgoing): void {
  if (one.isCut) return;
  one.isCut = true;
  one.report('stream_stalled');
  one.cut();
}

function end(connection: Connection, reason: 'connection_stalled' | 'queue_full' | 'queues_full'): void {
  connection.queuedMost = 0;
  connection.cut(reason);
}
