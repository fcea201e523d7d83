import type { Readable } from 'node:stream';
import type { Soon } from '../kit/soon.ts';
import { soonThen } from '../kit/soon.ts';
import type { CallRequest } from '../ports/call.ts';
import { cancelled, tooLarge } from './request-faults.ts';
import { WholeBody } from './whole-body.ts';

/** Makes the message of a whole body. It throws Faults. */
export type ReadBody = (body: Buffer) => Soon<Uint8Array>;

export type OneRequestParts = {
  /** Undefined: the request has no body, and `read` is given an empty one. */
  readonly input: Readable | undefined;
  /** Of the body as it comes. */
  readonly bodyBytesMax: number;
  /** Of the message, for what is told of a larger one. */
  readonly bytesMax: number;
  readonly read: ReadBody;
};

const noBody = Buffer.alloc(0);

/** The request of a method that takes one message. Its body is collected as it comes, and read when the message is asked for. A class, because every call makes one. */
export class OneRequest implements CallRequest {
  readonly #body: WholeBody | undefined;
  readonly #parts: OneRequestParts;
  #message: Soon<Uint8Array> | undefined;
  bytesRead = 0;

  constructor(parts: OneRequestParts) {
    this.#parts = parts;
    this.#body = parts.input && new WholeBody(parts.input, parts.bodyBytesMax);
  }

  /** Whether the body does not come any more. */
  get isSettled(): boolean {
    return this.#body === undefined || this.#body.state !== 'comes';
  }

  /** @param callback once, when the body does not come any more */
  onSettled(callback: () => void): void {
    if (this.#body !== undefined) this.#body.onSettled = callback;
  }

  one(): Soon<Uint8Array> {
    this.#message ??= this.isSettled ? this.#read() : this.#later();
    return this.#message;
  }

  // biome-ignore lint/correctness/useYield: a method of one message has no stream of them
  async *each(): AsyncGenerator<Uint8Array> {
    throw new Error('The method takes one message.');
  }

  #later(): Promise<Uint8Array> {
    const settled = new Promise<void>((resolve) => this.onSettled(resolve));
    const message = settled.then(() => this.#read());
    message.catch(() => {}); // whoever asked hears of it, unless the call is over before
    return message;
  }

  #read(): Soon<Uint8Array> {
    const body = this.#body;
    const { read, bytesMax } = this.#parts;
    if (body?.state === 'lost') throw cancelled();
    if (body?.state === 'too long') throw tooLarge(bytesMax);
    return soonThen(read(body?.bytes() ?? noBody), (bytes) => {
      this.bytesRead = bytes.byteLength;
      return bytes;
    });
  }
}
