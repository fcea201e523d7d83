import type { Writable } from 'node:stream';
import type { Sink } from '../core/ports/call.ts';

export type StreamSinkParts = {
  readonly output: Writable;
  /** As {@link Sink.stuckForMs}. */
  readonly stuckForMs: number;
  /** Aborted when messages are no longer accepted. */
  readonly signal: AbortSignal;
  /**
   * @returns false when the client needs time to read, or nothing is sent any more
   * @throws Error for a message that cannot be written in its form
   */
  write(message: Uint8Array): boolean;
  /** All messages are written. */
  ended(): void;
  failed(error: unknown): void;
  /** The writer has stopped, however its stream ended. */
  stopped(): void;
};

/**
 * The bytes that may wait for one client before its stream is ended. A writer that waits for its sink stays far below.
 */
const waitingBytesMax = 1_048_576;

/**
 * The sink of one answer's messages: writes to the exchange, no faster than the client reads. Nothing is sent after the
 * end or the abort. A class, because every stream has one, and each message passes it.
 */
export class StreamSink implements Sink {
  readonly #parts: StreamSinkParts;
  readonly #output: Writable;
  #over = false;
  #hasStopped = false;
  #waiting: (() => void) | undefined;

  constructor(parts: StreamSinkParts) {
    this.#parts = parts;
    this.#output = parts.output;
  }

  get signal(): AbortSignal {
    return this.#parts.signal;
  }

  get stuckForMs(): number {
    return this.#parts.stuckForMs;
  }

  write(message: Uint8Array): boolean {
    if (this.#over) return false;
    try {
      const hasRoom = this.#parts.write(message);
      return hasRoom || this.#output.writableLength <= waitingBytesMax
        ? hasRoom
        : this.#lose(new Error('The writer of a stream went on although its sink was full.'));
    } catch (error) {
      return this.#lose(error);
    }
  }

  onRoom(callback: () => void): void {
    if (this.#over || this.signal.aborted) return;
    if (this.#output.writableNeedDrain) {
      if (this.#waiting === undefined) this.#output.once('drain', () => this.#room());
      this.#waiting = callback;
    } else callback();
  }

  end(): void {
    this.#finish(() => this.#parts.ended());
  }

  fail(error: unknown): void {
    this.#finish(() => this.#parts.failed(error));
  }

  #room(): void {
    const callback = this.#waiting;
    this.#waiting = undefined;
    if (!this.#over && !this.signal.aborted) callback?.();
  }

  #finish(how: () => void): void {
    if (!this.#over && !this.signal.aborted) {
      this.#over = true;
      how();
    }
    if (this.#hasStopped) return;
    this.#hasStopped = true;
    this.#parts.stopped();
  }

  #lose(error: unknown): false {
    this.#over = true;
    this.#parts.failed(error);
    return false;
  }
}
