import type { Clock } from '../kit/clock.ts';
import type { ReadyCall, Sink } from '../ports/call.ts';
import type { Log } from '../ports/log.ts';
import { closeFor } from './close-advice.ts';
import { closeOf, isDefect } from './failures.ts';
import { refuseStream, type Stream } from './stream.ts';

/** A stream that has begun, and the handler of its client's messages. */
export type Begun<Request> = { readonly stream: Stream; handle(request: Request): Promise<void> };

/** What all streams of a service use. */
export type IncomingParts<Request, Hello> = {
  readonly clock: Clock;
  readonly log: Log;
  readonly helloMs: number;
  decode(message: Uint8Array): Request;
  helloOf(request: Request): Hello | undefined;
  begin(call: ReadyCall, sink: Sink, hello: Hello): Begun<Request>;
  closed(reason: string): void;
};

/**
 * Reads the messages of `Connect` while the stream lasts. Its states: waiting for hello; begun; over. The end of the
 * messages is no goodbye: heartbeats decide. A class, because every stream has one. No function waits for the next
 * message, as it would hold the last one meanwhile.
 */
export class IncomingMessages<Request, Hello> {
  readonly #call: ReadyCall;
  readonly #sink: Sink;
  readonly #parts: IncomingParts<Request, Hello>;
  readonly #requests: AsyncIterator<Uint8Array>;
  #begun: Begun<Request> | undefined;
  #over = false;
  /** Of the time for hello. */
  #cancel: (() => void) | undefined;

  constructor(call: ReadyCall, sink: Sink, parts: IncomingParts<Request, Hello>) {
    this.#call = call;
    this.#sink = sink;
    this.#parts = parts;
    this.#requests = call.request.each()[Symbol.asyncIterator]();
    this.#cancel = parts.clock.after(parts.helloMs, () => this.#refuse('The client sent no hello in time.'));
    this.#read();
  }

  #read(): void {
    if (this.#over) return;
    this.#requests
      .next()
      .then((next) => this.#take(next))
      .catch((error: unknown) => this.#fail(error));
  }

  #take({ done, value }: IteratorResult<Uint8Array>): Promise<void> | undefined {
    if (this.#over) return undefined;
    if (done !== true) return this.#handle(value);
    if (this.#begun === undefined) this.#refuse('The first message of a stream is hello.');
    return undefined;
  }

  async #handle(bytes: Uint8Array): Promise<void> {
    const request = this.#parts.decode(bytes);
    if (this.#begun === undefined) this.#begin(this.#parts.helloOf(request));
    else await this.#begun.handle(request);
    this.#read();
  }

  #begin(hello: Hello | undefined): void {
    if (hello === undefined) {
      this.#refuse('The first message of a stream is hello.');
      return;
    }
    this.#stopTimer();
    this.#begun = this.#parts.begin(this.#call, this.#sink, hello);
    const { signal } = this.#begun.stream;
    if (signal.aborted) this.#end();
    else signal.addEventListener('abort', () => this.#end(), { once: true });
  }

  #refuse(message: string): void {
    if (this.#over) return;
    this.#end();
    this.#parts.closed('HELLO_MISSING');
    refuseStream(this.#sink, closeFor('HELLO_MISSING', message));
  }

  #fail(error: unknown): void {
    if (this.#over) return;
    if (isDefect(error)) this.#parts.log.error('A stream failed by a defect.', { error });
    if (this.#begun !== undefined) this.#begun.stream.close(closeOf(error));
    else {
      this.#end();
      this.#sink.fail(error);
    }
  }

  #end(): void {
    this.#over = true;
    this.#stopTimer();
    void this.#requests.return?.();
  }

  #stopTimer(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }
}
