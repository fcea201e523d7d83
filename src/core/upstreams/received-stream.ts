import type { ReceivedMetadata, UpstreamEnd, UpstreamReceiver, UpstreamSender } from '../ports/upstream-transport.ts';

/**
 * The number of bytes that may wait for a slow reader. Above it the upstream is paused, and data that was already read
 * is still delivered.
 */
const waitingBytesMax = 65_536;
/** The size of a message, at least 1: an empty message counts, too. */
const costOf = (message: Uint8Array) => message.byteLength + 64;

/** The answer stream of an upstream, for one reader that takes message by message. */
export class ReceivedStream implements UpstreamReceiver {
  // States: before the headers, open, ended (messages may still wait).
  headersReceived: ReceivedMetadata | undefined = undefined;
  end: UpstreamEnd | undefined = undefined;
  /** Resumes sending once there is room, or the call has ended. */
  onRoom: () => void = () => {};
  onEnd: (end: UpstreamEnd) => void = () => {};
  private sender: UpstreamSender | undefined;
  private readonly waiting: Uint8Array[] = [];
  private waitingBytes = 0;
  private wake: (() => void) | undefined;

  bind(sender: UpstreamSender): void {
    this.sender = sender;
  }

  headers(received: ReceivedMetadata): void {
    this.headersReceived = received;
    this.wake?.();
  }
  message(bytes: Uint8Array): boolean {
    this.waiting.push(bytes);
    this.waitingBytes += costOf(bytes);
    this.wake?.();
    return this.waitingBytes < waitingBytesMax;
  }
  drained(): void {
    this.onRoom();
  }
  ended(end: UpstreamEnd): void {
    this.end = end;
    this.onEnd(end);
    this.onRoom();
    this.wake?.();
  }

  /** Resolved when headers have arrived, or the call ended without. */
  async opened(): Promise<void> {
    while (this.headersReceived === undefined && this.end === undefined) await this.news();
  }

  /** The next message; undefined: there are no more, and `end` has the end of the call. */
  next(): Uint8Array | undefined | Promise<Uint8Array | undefined> {
    const first = this.waiting.shift();
    if (first === undefined) return this.end === undefined ? this.news().then(() => this.next()) : undefined;
    const wasFull = this.waitingBytes >= waitingBytesMax;
    this.waitingBytes -= costOf(first);
    if (wasFull && this.waitingBytes < waitingBytesMax) this.sender?.resume();
    return first;
  }

  private news(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = () => {
        this.wake = undefined;
        resolve();
      };
    });
  }
}
