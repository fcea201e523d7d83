import type { Readable } from 'node:stream';
import type { Base64Chunks } from '../../core/kit/base64.ts';
import type { RequestMessage } from '../../core/kit/request-message.ts';
import { type Soon, settled, soonThen } from '../../core/kit/soon.ts';
import type { CallRequest, ReadMessage } from '../../core/ports/call.ts';
import type { Frame } from './length-prefixed-messages.ts';
import { ArrivedBytes } from './receive-buffer.ts';
import { cancelled, cutShort } from './request-body-faults.ts';

export type ManyRequestsParts = {
  readonly input: Readable;
  /** Extracts the next message, if it has arrived. */
  readonly next: (arrived: ArrivedBytes) => Frame | undefined;
  /** A message is what arrives in one turn of the event loop. Unset: it has a length of its own. */
  readonly byTurns?: boolean;
  /** The body is base64: gRPC-Web's text form. */
  readonly text?: Base64Chunks;
  /** Decodes the message of a frame. It throws Faults. */
  readonly read: (frame: Frame) => Soon<RequestMessage>;
};

type Result = IteratorResult<Uint8Array, undefined>;
type Waiting = { resolve(result: Result): void; reject(error: unknown): void };
const done: Result = { done: true, value: undefined };
const asReceived: ReadMessage = ({ bytes }) => bytes;

/** What is received while nobody waits for it: as much as Node's streams hold. Bytes. */
const aheadBytesMax = 65_536;

/**
 * The request of a method with a request stream, and its messages. It is read on demand, and no faster than they are
 * consumed.
 */
export class ManyRequests implements CallRequest, AsyncIterableIterator<Uint8Array, undefined> {
  readonly #parts: ManyRequestsParts;
  readonly #arrived = new ArrivedBytes();
  #waiting: Waiting | undefined;
  #read: ReadMessage = asReceived;
  #state: 'unasked' | 'open' | 'ended' | 'lost' | 'over' = 'unasked';
  /** Why it is lost, unless its client has disconnected. */
  #loss: unknown;
  #turn: NodeJS.Immediate | undefined;
  bytesRead = 0;

  constructor(parts: ManyRequestsParts) {
    this.#parts = parts;
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
    const end = (state: 'ended' | 'lost') => {
      if (this.#state === 'open') this.#state = state;
      this.#advance();
    };
    const ended = () => end(input.closed ? 'lost' : 'ended'); // Node also emits 'end' for a stream that was reset
    // An empty body ends, and a client disconnects, also while nobody reads: those events are not repeated.
    if (input.readableEnded || input.closed) return void ended();
    input.on('data', (chunk: Buffer) => this.#receive(chunk)); // of several chunks `read` would make a copy
    input.on('end', ended);
    input.on('close', () => end('lost')); // no effect after its end
  }

  #receive(chunk: Buffer): void {
    const { input, text, byTurns } = this.#parts;
    if (this.#state !== 'open') return void input.pause();
    try {
      this.#arrived.push(text?.decode(chunk) ?? chunk);
    } catch (error) {
      this.#loss = error;
      this.#state = 'lost';
    }
    if (!byTurns || this.#arrived.length >= aheadBytesMax) this.#advance();
    else this.#turn ??= setImmediate(() => this.#advance());
    if (this.#waiting === undefined && this.#arrived.length >= aheadBytesMax) input.pause();
  }

  /** Passes the next message to the waiting reader, if it is available. */
  #advance(): void {
    this.#turn = undefined;
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    const { input, text } = this.#parts;
    try {
      const frame = this.#state === 'over' ? undefined : this.#parts.next(this.#arrived);
      if (frame !== undefined) this.#give(frame, waiting);
      else if (this.#state === 'open') input.resume();
      else {
        this.#waiting = undefined;
        if (this.#state === 'lost') waiting.reject(this.#loss ?? cancelled());
        else if (this.#state === 'ended' && (this.#arrived.length > 0 || text?.isWhole() === false)) throw cutShort();
        else waiting.resolve(done);
      }
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
