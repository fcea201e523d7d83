import type { Sink } from '../ports/call.ts';

export type OutboxParts = {
  readonly sink: Sink;
  readonly limits: {
    readonly bytesMax: number;
    readonly unacknowledgedMax: number;
  };
  /** Called once when more waits than may. */
  readonly onFull: () => void;
  readonly nowMs: () => number;
};

type Waiting = { readonly message: Uint8Array; readonly counted: number };
type Mark = { readonly count: number; readonly callback: () => void };

/**
 * What one client is sent, no faster than it reads and acknowledges. What waits is bounded in bytes; messages that many
 * clients get are the same bytes for all of them. A class, because a thousand clients have one each, and an event
 * passes all of them.
 */
export class Outbox {
  readonly #sink: Sink;
  readonly #limits: OutboxParts['limits'];
  readonly #onFull: () => void;
  readonly #nowMs: () => number;
  /** The sink accepts the next message. */
  #open = true;
  #over = false;
  #flushing = false;
  #sent = 0;
  #acknowledged = 0;
  #sentAtMs: number;
  #stalledSinceMs: number | undefined;
  #waiting: Waiting[] | undefined;
  #bytes = 0;
  #callbacks: Set<() => void> | undefined;
  #marks: readonly Mark[] | undefined;

  constructor({ sink, limits, onFull, nowMs }: OutboxParts) {
    this.#sink = sink;
    this.#limits = limits;
    this.#onFull = onFull;
    this.#nowMs = nowMs;
    this.#sentAtMs = nowMs();
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
    this.#bytes += message.byteLength;
    this.#stalledSinceMs ??= this.#nowMs();
    if (this.#bytes > this.#limits.bytesMax) this.#onFull();
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
      this.#stalledSinceMs ??= this.#nowMs();
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
    const marks = this.#marks ?? [];
    const left = marks.filter((mark) => mark.count > count);
    this.#marks = left.length === 0 ? undefined : left;
    for (const mark of marks) if (mark.count <= count) mark.callback();
    return true;
  }

  /** Calls back once when all that was sent until now is acknowledged. */
  whenAcknowledged(callback: () => void): void {
    const count = (this.#waiting ?? []).reduce((sum, { counted }) => sum + counted, this.#sent);
    if (count <= this.#acknowledged) callback();
    else this.#marks = [...(this.#marks ?? []), { count, callback }];
  }

  /** Since when messages or writers have been waiting without any of them being taken; undefined: none waits. */
  stalledSinceMs(): number | undefined {
    return this.#stalledSinceMs;
  }

  sentAtMs(): number {
    return this.#sentAtMs;
  }

  /** Drops what waits, sends the last message, and ends the stream. */
  end(last: Uint8Array | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#waiting = undefined;
    this.#callbacks = undefined;
    this.#marks = undefined;
    if (last !== undefined) this.#sink.write(last);
    this.#sink.end();
  }

  #mayWrite(counted: number): boolean {
    return this.#open && (counted === 0 || this.#sent - this.#acknowledged < this.#limits.unacknowledgedMax);
  }

  #write(message: Uint8Array, counted: number): void {
    this.#sent += counted;
    this.#sentAtMs = this.#nowMs();
    this.#open = this.#sink.write(message);
    if (!this.#open && !this.#over) this.#sink.onRoom(() => this.#room()); // it may call at once, or the write may have ended the stream
  }

  #room(): void {
    this.#open = true;
    this.#flush();
  }

  #flush(): void {
    if (this.#flushing) return; // called by a write: the loop below goes on
    this.#flushing = true;
    let taken = 0;
    // `end` takes the list away, which ends the loop
    for (let next = this.#waiting?.[0]; next !== undefined && this.#mayWrite(next.counted); next = this.#waiting?.[taken]) {
      taken++;
      this.#bytes -= next.message.byteLength;
      this.#write(next.message, next.counted);
    }
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
    else if (taken > 0) this.#stalledSinceMs = this.#nowMs();
  }

  #waits(): boolean {
    return this.#waiting !== undefined || (this.#callbacks?.size ?? 0) > 0;
  }
}
