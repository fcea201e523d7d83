import type { Sink } from '../ports/call.ts';
import type { Waiter, WaitingBytes } from './send-memory-limit.ts';
import type { StreamLimits } from './stream-limits.ts';

export type SendBufferParts = {
  readonly sink: Sink;
  readonly limits: Pick<StreamLimits, 'bytesMax' | 'unacknowledgedMax'>;
  /** Of all streams together. */
  readonly waiting: WaitingBytes;
  /** Called when more waits than may: it ends the stream. */
  readonly onFull: () => void;
  readonly nowMs: () => number;
};

/**
 * What one client is sent, no faster than it reads and acknowledges. What waits is bounded in bytes; messages that many
 * clients get are the same bytes for all of them. A class, because a thousand clients have one each, and an event
 * passes all of them.
 */
export class SendBuffer implements Waiter {
  readonly #parts: SendBufferParts;
  /** The sink accepts the next message. */
  #open = true;
  #over = false;
  #flushing = false;
  #sent = 0;
  #acknowledged = 0;
  sentAtMs: number;
  /** Since when messages or writers have been waiting without any of them being taken; undefined: none waits. */
  #stalledSinceMs: number | undefined;
  #waiting: { readonly message: Uint8Array; readonly counted: number }[] | undefined;
  /** How many of them the loop of `#flush` has taken so far. */
  #taken = 0;
  waitingBytes = 0;
  #callbacks: Set<() => void> | undefined;
  #marks: { readonly count: number; readonly callback: () => void }[] = [];

  constructor(parts: SendBufferParts) {
    this.#parts = parts;
    this.sentAtMs = parts.nowMs();
  }

  /** @param counted events and snapshots in the message, which the client acknowledges */
  send(message: Uint8Array, counted: number): void {
    if (this.#over) return;
    if (this.#waiting === undefined && this.#mayWrite(counted)) {
      this.#write(message, counted);
      return;
    }
    this.#waiting ??= [];
    this.#waiting.push({ message, counted });
    this.waitingBytes += message.byteLength;
    this.#stalledSinceMs ??= this.#parts.nowMs();
    this.#parts.waiting.grew(this, message); // it may end this stream
    if (this.waitingBytes > this.#parts.limits.bytesMax) this.giveUp();
  }

  /** For how long the client has taken no byte of what waits; undefined: nothing waits. Milliseconds. */
  get stalledForMs(): number | undefined {
    if (this.#stalledSinceMs === undefined) return undefined;
    const forMs = this.#parts.nowMs() - this.#stalledSinceMs;
    return this.#open ? forMs : Math.min(forMs, this.#parts.sink.stuckForMs);
  }

  giveUp(): void {
    this.#parts.onFull();
  }

  /** Whether the next message is sent at once. A writer that has only the newest value to send waits for it. */
  hasRoom(): boolean {
    return !this.#over && this.#waiting === undefined && this.#mayWrite(1);
  }

  /** Calls back once when there is room, or at once. @returns takes the callback off */
  onRoom(callback: () => void): () => void {
    if (this.hasRoom()) callback();
    else if (!this.#over) {
      this.#callbacks ??= new Set();
      this.#callbacks.add(callback);
      this.#stalledSinceMs ??= this.#parts.nowMs();
    }
    return () => {
      this.#callbacks?.delete(callback);
      if (!this.#waits()) this.#stalledSinceMs = undefined;
    };
  }

  /** @returns false when the client claims more than it was sent */
  acknowledge(count: number): boolean {
    if (count > this.#sent) return false;
    if (count <= this.#acknowledged) return true; // a late one, or a repeat
    this.#acknowledged = count;
    this.#flush();
    const reached = this.#marks.filter((mark) => mark.count <= count);
    this.#marks = this.#marks.filter((mark) => mark.count > count);
    for (const { callback } of reached) callback();
    return true;
  }

  /** Calls back once when all that was sent until now is acknowledged. */
  whenAcknowledged(callback: () => void): void {
    const count = (this.#waiting ?? []).reduce((sum, { counted }) => sum + counted, this.#sent);
    if (count <= this.#acknowledged) callback();
    else this.#marks = [...this.#marks, { count, callback }];
  }

  /** Drops what waits, sends the last message, and ends the stream. */
  end(last: Uint8Array | undefined): void {
    if (this.#over) return;
    this.#over = true;
    for (const { message } of this.#waiting?.slice(this.#taken) ?? []) this.#shrink(message);
    this.#waiting = undefined;
    this.#callbacks = undefined;
    this.#marks = [];
    if (last !== undefined) this.#parts.sink.write(last);
    this.#parts.sink.end();
  }

  #mayWrite(counted: number): boolean {
    return this.#open && (counted === 0 || this.#sent - this.#acknowledged < this.#parts.limits.unacknowledgedMax);
  }

  #write(message: Uint8Array, counted: number): void {
    this.#sent += counted;
    this.sentAtMs = this.#parts.nowMs();
    this.#open = this.#parts.sink.write(message);
    if (!this.#open && !this.#over) this.#parts.sink.onRoom(() => this.#flush(true)); // it may call at once, or the write may have ended the stream
  }

  #flush(open = this.#open): void {
    this.#open = open;
    if (this.#flushing) return; // called by a write: the loop below goes on
    this.#flushing = true;
    // `end` takes the list away, which ends the loop
    for (let next = this.#waiting?.[0]; next !== undefined && this.#mayWrite(next.counted); next = this.#waiting?.[this.#taken]) {
      this.#taken++;
      this.#shrink(next.message);
      this.#write(next.message, next.counted);
    }
    let taken = this.#taken;
    this.#taken = 0;
    if (taken > 0) this.#waiting?.splice(0, taken);
    if (this.#waiting?.length === 0) this.#waiting = undefined;
    this.#flushing = false;
    for (const callback of this.#callbacks ?? []) {
      if (!this.hasRoom()) break;
      taken++;
      this.#callbacks?.delete(callback);
      callback();
    }
    if (!this.#waits()) this.#stalledSinceMs = undefined;
    else if (taken > 0) this.#stalledSinceMs = this.#parts.nowMs();
  }

  #shrink(message: Uint8Array): void {
    this.waitingBytes -= message.byteLength;
    this.#parts.waiting.shrank(this, message);
  }

  #waits(): boolean {
    return this.#waiting !== undefined || (this.#callbacks?.size ?? 0) > 0;
  }
}
