import type { Writable } from 'node:stream';
import { metadataTooLarge } from '../core/interceptors/bound-answer-metadata.ts';
import { pushed } from '../core/interceptors/pushed-body.ts';
import { type Endings, ended, endings } from '../core/kit/ending.ts';
import { metadataBytes, metadataWithin, ownHeadersBytes } from '../core/kit/metadata-bytes.ts';
import type { MethodPlan } from '../core/kit/method-plan.ts';
import { StatusError } from '../core/kit/status-error.ts';
import type { Answer, AnswerCall, Call, CallMetadata, Ending, StreamBody } from '../core/ports/call.ts';
import { takeDeadline } from './deadline-from-headers.ts';
import type { Exchange } from './exchange.ts';
import { fitStatus } from './fit-error-into-headers.ts';
import { cleanHeaders, IncomingMetadata } from './incoming-metadata.ts';
import type { Protocol, Reply, Spoken } from './protocols/protocol.ts';
import { OneRequest } from './protocols/unary-request.ts';
import { asFault, type EncodeRefusal } from './routing-faults.ts';
import { StreamSink, type StreamSinkParts } from './stream-sink.ts';

export type CallToRun = {
  readonly plan: MethodPlan;
  readonly protocol: Protocol;
  readonly reply: Reply;
  /** The host that the client has named. */
  readonly authority: string;
  /** Called once, when the handler of the call has ended. */
  readonly handled: () => void;
};

/**
 * One call on its exchange. A class, because every call makes one. Its states: running; its answer is a stream; ended
 * for its client.
 */
export class RunningCall implements StreamSinkParts {
  readonly #exchange: Exchange;
  readonly #reply: Reply;
  readonly #parts: EdgeParts;
  readonly #call: Call;
  readonly #controller = new AbortController();
  readonly #ends: Endings = endings();
  readonly #handled: () => void;
  #state: 'runs' | 'streams' | 'ended' = 'runs';
  /** Of initial metadata. */
  #sentBytes = 0;
  readonly #sent = { bytes: 0, messages: 0 };
  /** Of a stream. */
  #trailers: CallMetadata | undefined;
  #traceId: string | undefined;

  /** @throws Fault when the headers are refused */
  constructor(exchange: Exchange, { plan, protocol, reply, authority, handled }: CallToRun, parts: EdgeParts) {
    const { headers, rawHeaders, peer } = exchange;
    cleanHeaders(headers, rawHeaders);
    this.#exchange = exchange;
    exchange.running = this;
    this.#reply = reply;
    this.#parts = parts;
    this.#handled = handled;
    this.#call = {
      plan,
      protocol: protocol.name,
      metadata: new IncomingMetadata(headers),
      peer,
      authority,
      signal: this.#controller.signal,
      deadlineAtMs: takeDeadline(headers, protocol.name, parts.nowMs()),
      request: protocol.request(exchange, plan),
      sent: this.#sent,
      onEnd: this.#ends.onEnd,
    };
  }

  run(answer: AnswerCall): void {
    this.#exchange.output.on('close', () => this.#closed());
    const { request } = this.#call;
    if (request instanceof OneRequest && !request.isSettled) this.#beginSoon(request, answer);
    else this.#begin(answer);
  }

  /**
   * A small request arrives in the same packet as its headers, and Node emits it right after them: waiting for this
   * moment saves the whole chain its promises. The call does not wait for a larger one: authentication runs without it.
   */
  #beginSoon(request: OneRequest, answer: AnswerCall): void {
    const immediate = setImmediate(() => {
      this.#ends.onEnd(this.#parts.watch(this.#exchange));
      request.onSettled(() => {});
      this.#begin(answer);
    });
    request.onSettled(() => {
      clearImmediate(immediate);
      this.#begin(answer);
    });
  }

  #begin(answer: AnswerCall): void {
    let answered: ReturnType<AnswerCall>;
    try {
      answered = answer(this.#call);
    } catch (error) {
      this.#fail(error);
      this.#handled();
      return;
    }
    if (answered instanceof Promise)
      answered.then(
        (value) => this.#succeed(value),
        (error: unknown) => {
          this.#fail(error);
          this.#handled();
        },
      );
    else this.#succeed(answered);
  }

  #succeed(answer: Answer): void {
    const { body, refused } = answer;
    if (refused !== undefined) {
      this.#fail(refused);
      this.#handled();
      return;
    }
    if (!(body instanceof Uint8Array)) {
      this.#stream(answer, body);
      return;
    }
    if (this.#state === 'runs') {
      try {
        this.#reply.one(this.#call.plan, answer, body);
        this.#end({ how: 'returned' });
      } catch (error) {
        this.#fail(error, traceIdOf(answer));
      }
    }
    this.#handled();
  }

  /** Of the answer only its trailers are kept: a stream may last for hours. */
  #stream(answer: Answer, body: StreamBody): void {
    this.#trailers = answer.trailers;
    if (this.#state === 'runs') this.#open(answer);
    const sink = new StreamSink(this);
    try {
      pushed(body)(sink); // also when the client has disconnected: the writer is stopped, and waiters for its end are notified
    } catch (error) {
      sink.fail(error);
    }
  }

  /** An answer whose metadata cannot be sent fails; its writer is stopped. */
  #open(answer: Answer): void {
    if (this.signal.aborted) {
      this.#end({ how: 'closed' });
      return;
    }
    this.#state = 'streams';
    this.#traceId = traceIdOf(answer);
    this.#forgetCredential();
    try {
      this.#reply.open(answer.metadata);
      this.#sentBytes = metadataBytes(answer.metadata);
    } catch (error) {
      this.failed(error);
    }
  }

  /** Nobody reads it any more, and it would stay in memory for as long as the stream lasts. */
  #forgetCredential(): void {
    this.#exchange.rawHeaders = [];
    delete this.#exchange.headers.authorization;
  }

  get output(): Writable {
    return this.#exchange.output;
  }

  get stuckForMs(): number {
    return this.#exchange.stuckForMs;
  }

  get signal(): AbortSignal {
    return this.#call.signal;
  }

  write(message: Uint8Array): boolean {
    if (this.#state !== 'streams') return false;
    this.#sent.bytes += message.byteLength;
    this.#sent.messages++;
    return this.#reply.message(this.#call.plan, message);
  }

  /** Trailers are complete now: those of an internal service are sent as far as they fit. */
  ended(): void {
    const trailers = this.#trailers as CallMetadata;
    const bytesMax = this.#exchange.statusBytesMax - ownHeadersBytes - this.#sentBytes;
    const bytes = metadataBytes(trailers);
    if (bytes > bytesMax && this.#call.plan.forward === undefined) {
      this.#fail(metadataTooLarge(bytes, bytesMax));
      return;
    }
    this.#reply.close(bytes > bytesMax ? metadataWithin(trailers, bytesMax) : trailers);
    this.#end({ how: 'returned' });
  }

  failed(error: unknown): void {
    this.#fail(error);
    this.#controller.abort(error); // the writer does not know of a message that could not be written
  }

  stopped(): void {
    this.#handled();
  }

  #fail(error: unknown, traceId = this.#traceId): void {
    if (this.#state === 'ended') return;
    const status = error instanceof StatusError ? error : this.#refusalOf(error, traceId);
    this.#end({ how: 'threw', error: status });
    try {
      const bytesMax = this.#exchange.statusBytesMax - this.#sentBytes;
      this.#reply.fail(fitStatus(status, bytesMax), bytesMax);
    } catch (defect) {
      this.#parts.reportDefect(defect);
      this.#exchange.output.destroy(); // there is nothing that could be sent
    }
  }

  #refusalOf(error: unknown, traceId: string | undefined): StatusError {
    const { refusal, reportDefect } = this.#parts;
    const status = refusal(asFault(error, reportDefect), String(this.#call.metadata.get('accept-language') ?? ''));
    if (traceId !== undefined) status.metadata.set('portico-trace-id', traceId);
    return status;
  }

  #end(ending: Ending): void {
    this.#state = 'ended';
    this.#ends.end(this.#controller.signal.aborted ? { how: 'closed' } : ending);
  }

  /** The client has disconnected or was cut off. No effect after the end. The signal notifies the handler. */
  #closed(): void {
    if (this.#state === 'ended') return;
    this.#state = this.#state === 'streams' ? 'ended' : this.#state;
    this.#controller.abort(ended);
    if (this.#state === 'ended') this.#ends.end({ how: 'closed' });
  }
}

function traceIdOf({ metadata }: Answer): string | undefined {
  return metadata.get('portico-trace-id');
}

/** A method that a listener serves, with its handler. */
export type Served = { readonly plan: MethodPlan; readonly answer: AnswerCall };

export type EdgeParts = {
  readonly served: ReadonlyMap<string, Served>;
  readonly protocolOf: (exchange: Exchange) => Spoken;
  readonly refusal: EncodeRefusal;
  readonly reportDefect: (error: unknown) => void;
  readonly nowMs: () => number;
  /** Watches a request of one message that is not complete at once. @returns removes it */
  readonly watch: (exchange: Exchange) => () => void;
};
