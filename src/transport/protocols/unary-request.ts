import type { Readable } from 'node:stream';
import type { RequestMessage } from '../../core/kit/request-message.ts';
import { type Soon, soonThen } from '../../core/kit/soon.ts';
import type { CallRequest } from '../../core/ports/call.ts';
import { ArrivedBytes } from './receive-buffer.ts';
import { cancelled, tooLarge } from './request-body-faults.ts';

export type OneRequestParts = {
  /** Undefined: the request has no body, and `read` receives an empty one. */
  readonly input: Readable | undefined;
  /** The bound of the received body. */
  readonly bodyBytesMax: number;
  /** The bound of the message, for the error about a larger one. */
  readonly bytesMax: number;
  /** Decodes the message of a whole body. It throws Faults. */
  readonly read: (body: Buffer) => Soon<RequestMessage>;
};

const noBody = Buffer.alloc(0);

/**
 * The request of a method with one message. Its body is collected as it arrives, and decoded on demand. A class,
 * because every call makes one.
 */
export class OneRequest implements CallRequest {
  readonly #body: WholeBody | undefined;
  readonly #parts: OneRequestParts;
  #message: Soon<RequestMessage> | undefined;
  bytesRead = 0;

  constructor(parts: OneRequestParts) {
    this.#parts = parts;
    this.#body = parts.input && new WholeBody(parts.input, parts.bodyBytesMax);
  }

  /** Whether the body has ended or is lost. */
  get isSettled(): boolean {
    return this.#body === undefined || this.#body.state !== 'comes';
  }

  /** @param callback called once when the body has ended or is lost */
  onSettled(callback: () => void): void {
    if (this.#body !== undefined) this.#body.onSettled = callback;
  }

  one(): Soon<RequestMessage> {
    this.#message ??= this.isSettled ? this.#read() : this.#later();
    return this.#message;
  }

  // biome-ignore lint/correctness/useYield: a method of one message has no stream of them
  async *each(): AsyncGenerator<Uint8Array> {
    throw new Error('The method takes one message.');
  }

  #later(): Promise<RequestMessage> {
    const settled = new Promise<void>((resolve) => this.onSettled(resolve));
    const message = settled.then(() => this.#read());
    message.catch(() => {}); // the caller receives it, unless the call ends before
    return message;
  }

  #read(): Soon<RequestMessage> {
    const body = this.#body;
    const { read, bytesMax } = this.#parts;
    if (body?.state === 'lost') throw cancelled();
    if (body?.state === 'too long') throw tooLarge(bytesMax);
    return soonThen(read(body?.all() ?? noBody), (message) => {
      this.bytesRead = message.bytes.byteLength;
      return message;
    });
  }
}

/** A body that is collected until its end. Its states: receiving, then whole, too long, or lost with its client. */
class WholeBody extends ArrivedBytes {
  state: 'comes' | 'whole' | 'too long' | 'lost' = 'comes';
  /** Called once when the body has ended or is lost. */
  onSettled: (() => void) | undefined;

  /** @param bytesMax reading stops above it */
  constructor(input: Readable, bytesMax: number) {
    super();
    input.on('data', (chunk: Buffer) => {
      if (this.state !== 'comes') return;
      if (this.length + chunk.length <= bytesMax) return this.push(chunk);
      input.pause();
      this.#settle('too long');
    });
    input.on('end', () => this.#settle(input.closed ? 'lost' : 'whole')); // Node also emits 'end' for a stream that was reset
    input.on('close', () => this.#settle('lost'));
  }

  #settle(state: 'whole' | 'too long' | 'lost'): void {
    if (this.state !== 'comes') return;
    this.state = state;
    this.onSettled?.();
  }
}
