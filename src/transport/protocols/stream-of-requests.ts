import type { Readable } from 'node:stream';
import type { Base64Chunks } from '../../core/kit/base64.ts';
import type { RequestMessage } from '../../core/kit/request-message.ts';
import { type Soon, settled, soonThen } from '../../core/kit/soon.ts';
import type { CallRequest, ReadMessage } from '../../core/ports/call.ts';
import { type Frame, FrameReader } from './frames.ts';
import { cancelled, cutShort } from './request-body-faults.ts';

export type ManyRequestsParts = {
  readonly input: Readable;
  /** Of one message. */
  readonly bytesMax: number;
  /** The body is base64: gRPC-Web's text form. */
  readonly text?: Base64Chunks;
  /** Decodes the message of a frame. It throws Faults. */
  readonly read: (frame: Frame) => Soon<RequestMessage>;
};

type Result = IteratorResult<Uint8Array, undefined>;
type Waiting = { resolve(result: Result): void; reject(error: unknown): void };
const done: Result = { done: true, value: undefined };
const asReceived: ReadMessage = ({ bytes }) => bytes;

/**
 * The request of a method with a request stream, and its messages. It is read on demand, and no faster than they are
 * consumed.
 */
export class ManyRequests implements CallRequest, AsyncIterableIterator<Uint8Array, undefined> {
  readonly #parts: ManyRequestsParts;
  readonly #frames: FrameReader;
  #waiting: Waiting | undefined;
  #read: ReadMessage = asReceived;
  #state: 'unasked' | 'open' | 'ended' | 'lost' | 'over' = 'unasked';
  bytesRead = 0;

  constructor(parts: ManyRequestsParts) {
    this.#parts = parts;
    this.#frames = new FrameReader(parts.bytesMax);
  }

  one(): never {
    throw new Error('The method takes a stream of messages.');
  }

  each(read: ReadMessage = asReceived): AsyncIterableIterator<Uint8Array, undefined> {
    this.#open();
    this.#read = read;
    return this;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#advance();
    });
  }

  async return(): Promise<Result> {
    this.#state = 'over';
    return done;
  }

  #open(): void {
    if (this.#state !== 'unasked') throw new Error('The messages of a request were asked for twice.');
    this.#state = 'open';
    const { input } = this.#parts;
    const advance = () => this.#advance();
    const end = (state: 'ended' | 'lost') => {
      if (this.#state === 'open') this.#state = state;
      this.#advance();
    };
    const ended = () => end(input.closed ? 'lost' : 'ended'); // Node also emits 'end' for a stream that was reset
    // An empty body ends, and a client disconnects, also while nobody reads: those events are not repeated.
    if (input.readableEnded || input.closed) return void ended();
    input.on('readable', advance);
    input.on('end', ended);
    input.on('close', () => end('lost')); // no effect after its end
  }

  /** Passes the next message to the waiting reader, if it is available. */
  #advance(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    try {
      for (;;) {
        const frame = this.#state === 'over' ? undefined : this.#frames.next();
        if (frame !== undefined) {
          this.#give(frame, waiting);
          return;
        }
        const chunk: Buffer | null = this.#state === 'open' ? this.#parts.input.read() : null;
        if (chunk === null) break;
        this.#frames.push(this.#parts.text?.decode(chunk) ?? chunk);
      }
      if (this.#state === 'open') return;
      this.#waiting = undefined;
      if (this.#state === 'lost') waiting.reject(cancelled());
      else if (this.#state === 'ended' && !(this.#frames.isEmpty && (this.#parts.text?.isWhole() ?? true))) throw cutShort();
      else waiting.resolve(done);
    } catch (error) {
      this.#fail(error, waiting);
    }
  }

  #give(frame: Frame, { resolve, reject }: Waiting): void {
    this.#waiting = undefined;
    void settled(
      () =>
        soonThen(this.#parts.read(frame), (message) => {
          this.bytesRead += message.bytes.byteLength;
          return this.#read(message);
        }),
      (value) => resolve({ done: false, value }),
      (error) => this.#fail(error, { reject }),
    );
  }

  #fail(error: unknown, { reject }: { reject(error: unknown): void }): void {
    this.#waiting = undefined;
    this.#state = 'over';
    reject(error);
  }
}
