import { metadataTooLarge } from '../core/interceptors/bound-answer-metadata.ts';
import { pushed } from '../core/interceptors/stream-body.ts';
import { type Endings, endings } from '../core/kit/ending.ts';
import { metadataBytes, metadataWithin, ownHeadersBytes } from '../core/kit/metadata-bytes.ts';
import type { MethodPlan } from '../core/kit/plan.ts';
import { StatusError } from '../core/kit/status-error.ts';
import type { Answer, AnswerCall, Call, Ending, StreamBody } from '../core/ports/call.ts';
import { asFault } from './edge-faults.ts';
import type { EdgeParts } from './edge-parts.ts';
import type { Exchange } from './exchange.ts';
import { cleanHeaders, IncomingMetadata } from './incoming-metadata.ts';
import { OneRequest } from './protocols/one-request.ts';
import type { Protocol, Reply } from './protocols/protocol.ts';
import { fitStatus } from './status-budget.ts';
import { streamSink } from './stream-sink.ts';
import { takeDeadline } from './timeout-headers.ts';

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
export class RunningCall {
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

  /** @throws Fault when the headers are refused */
  constructor(exchange: Exchange, { plan, protocol, reply, authority, handled }: CallToRun, parts: EdgeParts) {
    const { headers, rawHeaders, peer } = exchange;
    cleanHeaders(headers, rawHeaders);
    this.#exchange = exchange;
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
        this.#fail(error, answer);
      }
    }
    this.#handled();
  }

  #stream(answer: Answer, body: StreamBody): void {
    const { plan, signal } = this.#call;
    if (this.#state === 'runs') this.#open(answer);
    const sink = streamSink({
      output: this.#exchange.output,
      signal,
      write: (message) => this.#reply.message(plan, message),
      ended: () => this.#close(answer),
      failed: (error) => {
        this.#fail(error, answer);
        this.#controller.abort(error); // the writer does not know of a message that could not be written
      },
      stopped: this.#handled,
    });
    try {
      pushed(body)(sink); // also when the client has disconnected: the writer is stopped, and waiters for its end are notified
    } catch (error) {
      sink.fail(error);
    }
  }

  /** An answer whose metadata cannot be sent fails; its writer is stopped. */
  #open(answer: Answer): void {
    this.#state = 'streams';
    try {
      this.#reply.open(answer.metadata);
      this.#sentBytes = metadataBytes(answer.metadata);
    } catch (error) {
      this.#fail(error, answer);
      this.#controller.abort(error);
    }
  }

  /** Trailers are complete now: those of an internal service are sent as far as they fit. */
  #close(answer: Answer): void {
    const bytesMax = this.#exchange.statusBytesMax - ownHeadersBytes - this.#sentBytes;
    const bytes = metadataBytes(answer.trailers);
    if (bytes > bytesMax && this.#call.plan.forward === undefined) {
      this.#fail(metadataTooLarge(bytes, bytesMax), answer);
      return;
    }
    this.#reply.close(bytes > bytesMax ? metadataWithin(answer.trailers, bytesMax) : answer.trailers);
    this.#end({ how: 'returned' });
  }

  /** @param answer whose metadata has the trace, if there is one */
  #fail(error: unknown, answer?: Answer): void {
    if (this.#state === 'ended') return;
    const status = error instanceof StatusError ? error : this.#refusalOf(error, answer);
    this.#end({ how: 'threw', error: status });
    try {
      this.#reply.fail(fitStatus(status, this.#exchange.statusBytesMax - this.#sentBytes));
    } catch (defect) {
      this.#parts.reportDefect(defect);
      this.#exchange.output.destroy(); // there is nothing that could be sent
    }
  }

  #refusalOf(error: unknown, answer: Answer | undefined): StatusError {
    const { refusal, reportDefect } = this.#parts;
    const status = refusal(asFault(error, reportDefect), String(this.#call.metadata.get('accept-language') ?? ''));
    const traceId = answer?.metadata.get('portico-trace-id');
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
    this.#controller.abort();
    if (this.#state === 'ended') this.#ends.end({ how: 'closed' });
  }
}
