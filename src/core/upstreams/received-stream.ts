import type { ReceivedMetadata, UpstreamEnd, UpstreamReceiver, UpstreamSender } from '../ports/upstream-transport.ts';

/** What may wait for a reader that is slow, in bytes; the upstream is held back above it. What has been read by then still comes. */
const waitingBytesMax = 65_536;
/** An empty message takes room, too. */
const costOf = (message: Uint8Array) => message.byteLength + 64;

/** What an upstream answers on a stream, for one reader who takes message by message. */
export class ReceivedStream implements UpstreamReceiver {
  // States: before the headers, open, ended (messages may still wait).
  headersReceived: ReceivedMetadata | undefined = undefined;
  end: UpstreamEnd | undefined = undefined;
  /** Gets on with sending once there is room, or the call is over. */
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

  /** Resolved when there are headers, or the call ended without. */
  async opened(): Promise<void> {
    while (this.headersReceived === undefined && this.end === undefined) await this.news();
  }

  /** The next message; undefined: there are no more, and `end` says how the call ended. */
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
