import type { Sink } from '../ports/call.ts';

export type OutboxParts = {
  readonly sink: Sink;
  readonly bytesMax: number;
  readonly unacknowledgedMax: number;
  /** Called once when more waits than may. */
  readonly onFull: () => void;
  readonly nowMs: () => number;
};

/**
 * What one client is sent, no faster than it reads and acknowledges. What waits is bounded in bytes; messages that many
 * clients get are the same bytes for all of them.
 */
export type Outbox = {
  /** @param counted events and snapshots in the message, which the client acknowledges */
  send(message: Uint8Array, counted: number): void;
  /** Whether the next message is sent at once. A writer that has only the newest value to send waits for it. */
  hasRoom(): boolean;
  /** Calls back once when there is room, or at once. @returns takes the callback off */
  onRoom(callback: () => void): () => void;
  /** @returns false when the client claims more than it was sent */
  acknowledge(count: number): boolean;
  /** Calls back once when all that was sent until now is acknowledged. */
  whenAcknowledged(callback: () => void): void;
  /** Since when messages or writers have been waiting without any of them being taken; undefined: none waits. */
  stalledSinceMs(): number | undefined;
  sentAtMs(): number;
  /** Drops what waits, sends the last message, and ends the stream. */
  end(last: Uint8Array | undefined): void;
};

export function openOutbox({ sink, bytesMax, unacknowledgedMax, onFull, nowMs }: OutboxParts): Outbox {
  let waiting: { readonly message: Uint8Array; readonly counted: number }[] = [];
  let bytes = 0;
  let sent = 0;
  let acknowledged = 0;
  let sentAtMs = nowMs();
  let stalledSinceMs: number | undefined;
  /** The sink accepts the next message. */
  let open = true;
  let over = false;
  let flushing = false;
  const callbacks = new Set<() => void>();
  let marks: { readonly count: number; readonly callback: () => void }[] = [];

  const mayWrite = (counted: number) => open && (counted === 0 || sent - acknowledged < unacknowledgedMax);
  const write = (message: Uint8Array, counted: number) => {
    sent += counted;
    sentAtMs = nowMs();
    open = sink.write(message);
    if (!open && !over) sink.onRoom(room); // it may call at once, or the write may have ended the stream
  };
  const room = () => {
    open = true;
    flush();
  };
  const flush = () => {
    if (flushing) return; // called by a write: the loop below goes on
    flushing = true;
    let taken = 0;
    // `end` empties it, which ends the loop
    for (let next = waiting[0]; next !== undefined && mayWrite(next.counted); next = waiting[taken]) {
      taken++;
      bytes -= next.message.byteLength;
      write(next.message, next.counted);
    }
    if (taken > 0) waiting.splice(0, taken);
    flushing = false;
    for (const callback of callbacks) {
      if (!hasRoom()) break;
      taken++;
      callbacks.delete(callback);
      callback();
    }
    if (!waits()) stalledSinceMs = undefined;
    else if (taken > 0) stalledSinceMs = nowMs();
  };
  const waits = () => waiting.length > 0 || callbacks.size > 0;
  const hasRoom = () => !over && waiting.length === 0 && mayWrite(1);
  return {
    send: (message, counted) => {
      if (over) return;
      if (waiting.length === 0 && mayWrite(counted)) return write(message, counted);
      waiting.push({ message, counted });
      bytes += message.byteLength;
      stalledSinceMs ??= nowMs();
      if (bytes > bytesMax) onFull();
    },
    hasRoom,
    onRoom: (callback) => {
      if (hasRoom()) callback();
      else if (!over) {
        callbacks.add(callback);
        stalledSinceMs ??= nowMs();
      }
      return () => {
        callbacks.delete(callback);
        if (!waits()) stalledSinceMs = undefined;
      };
    },
    acknowledge: (count) => {
      if (count > sent) return false;
      if (count <= acknowledged) return true; // a late one, or a repeat
      acknowledged = count;
      flush();
      const reached = marks.filter((mark) => mark.count <= count);
      marks = marks.filter((mark) => mark.count > count);
      for (const { callback } of reached) callback();
      return true;
    },
    whenAcknowledged: (callback) => {
      const count = sent + waiting.reduce((sum, { counted }) => sum + counted, 0);
      if (count <= acknowledged) callback();
      else marks.push({ count, callback });
    },
    stalledSinceMs: () => stalledSinceMs,
    sentAtMs: () => sentAtMs,
    end: (last) => {
      if (over) return;
      over = true;
      waiting = [];
      callbacks.clear();
      marks = [];
      if (last !== undefined) sink.write(last);
      sink.end();
    },
  };
}
