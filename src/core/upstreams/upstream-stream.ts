import { Fault } from '../kit/fault.ts';
import type { ReceivedMetadata, UpstreamEnd, UpstreamReceiver, UpstreamSender } from '../ports/upstream-transport.ts';
import type { Prepared } from './upstreams.ts';

/** A streaming call to an upstream. */
export type OpenStream = {
  readonly received: ReceivedStream;
  readonly sender: UpstreamSender;
  /**
   * Why this side ended the call: the error of the messages that it was to send, such as a rule that a client's message
   * breaks, or a defect of a team's own stream.
   */
  refusal(): { readonly error: unknown } | undefined;
};

/**
 * Sends a prepared call: its one message, or each message of a stream no faster than the upstream takes them. The
 * signal cancels it. The stream's end is passed on only while the signal is not aborted: a lost client can look like a
 * polite end.
 */
export function openStream(prepared: Prepared, request: Uint8Array | AsyncIterable<Uint8Array>, signal: AbortSignal): OpenStream {
  const received = new ReceivedStream();
  let refusal: { readonly error: unknown } | undefined;
  const sender = prepared.transport.call(prepared.call, received, request instanceof Uint8Array ? request : undefined);
  received.bind(sender);
  const cancel = () => sender.cancel();
  received.onEnd = (end) => {
    signal.removeEventListener('abort', cancel);
    prepared.end(end);
  };
  if (signal.aborted) cancel();
  else signal.addEventListener('abort', cancel, { once: true });
  const whenRoom = (resolve: () => void) => {
    if (received.end !== undefined) resolve();
    else received.onRoom = resolve;
  };
  const pump = async (messages: AsyncIterable<Uint8Array>) => {
    try {
      for await (const message of messages) {
        if (received.end !== undefined) return;
        if (!sender.send(message)) await new Promise<void>(whenRoom);
      }
      if (signal.aborted) sender.cancel();
      else sender.halfClose();
    } catch (error) {
      if (error instanceof Fault || !signal.aborted) refusal = { error }; // after an abort others are caused by it
      sender.cancel(); // the answer's side says why
    }
  };
  if (!(request instanceof Uint8Array)) void pump(request);
  return { received, sender, refusal: () => refusal };
}

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
