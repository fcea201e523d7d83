import type { Readable } from 'node:stream';
import type { RequestMessage } from '../../core/kit/request-message.ts';
import type { Soon } from '../../core/kit/soon.ts';
import { soonThen } from '../../core/kit/soon.ts';
import type { CallRequest } from '../../core/ports/call.ts';
import { cancelled, tooLarge } from './request-body-faults.ts';
import { WholeBody } from './whole-body.ts';

/** Decodes the message of a whole body. It throws Faults. */
export type ReadBody = (body: Buffer) => Soon<RequestMessage>;

export type OneRequestParts = {
  /** Undefined: the request has no body, and `read` receives an empty one. */
  readonly input: Readable | undefined;
  /** The bound of the received body. */
  readonly bodyBytesMax: number;
  /** The bound of the message, for the error about a larger one. */
  readonly bytesMax: number;
  readonly read: ReadBody;
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
    return soonThen(read(body?.bytes() ?? noBody), (message) => {
      this.bytesRead = message.bytes.byteLength;
      return message;
    });
  }
}
