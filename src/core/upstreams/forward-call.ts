import { fromBinary } from '@bufbuild/protobuf';
import { Metadata } from 'nice-grpc-common';
import type { Fault } from '../kit/fault.ts';
import type { ForwardPlan, MethodPlan } from '../kit/method-plan.ts';
import type { Answer, Handler, ReadyCall } from '../ports/call.ts';
import { statusForClient } from './forwarded-errors.ts';
import { fromUpstream } from './metadata-from-upstreams.ts';
import { ofOneMessage } from './send-unary.ts';
import { type OpenStream, openStream } from './upstream-stream.ts';
import type { Prepared, Upstreams } from './upstreams.ts';

/**
 * Hands calls of a method to an upstream: messages byte for byte, statuses with their details, deadline and
 * cancellation; metadata and texts as the policy says.
 */
export function forward(plan: MethodPlan, upstreams: Upstreams): Handler {
  const to = plan.forward;
  if (to === undefined) throw new Error(`${plan.method} is not forwarded.`);
  const target = { upstream: to.upstream, path: to.path, keys: to.metadata };
  if (plan.kind === 'unary') {
    return async (call) => {
      const { end, headers, body, tags, limit } = await upstreams.unary(target, call.requestBytes, call);
      if (body === undefined || end.by !== 'upstream') throw statusForClient(to, end, headers, limit);
      if (plan.cache !== undefined) check(body, plan, (cause) => upstreams.garbage(to.upstream, to.path, call, cause));
      return { body, metadata: fromUpstream(headers, to.answerMetadata), trailers: fromUpstream(end.trailers, to.answerMetadata), tags };
    };
  }
  return async (call) => {
    const prepared = await upstreams.prepare(target, call, 'stream');
    const stream = new ForwardedStream(to, prepared, call);
    return plan.kind === 'client_stream' ? stream.oneAnswer() : stream.answer();
  };
}

/** What is stored has to be a message: bytes that cannot be decoded would be served for the whole time to live. */
function check(body: Uint8Array, { descriptor }: MethodPlan, garbage: (cause: unknown) => Fault): void {
  try {
    fromBinary(descriptor.output, body);
  } catch (cause) {
    throw garbage(cause);
  }
}

/** One call of a stream on its way through. */
class ForwardedStream {
  // States: those of the stream that is received; a request that is refused on the way cancels it.
  private readonly to: ForwardPlan;
  private readonly prepared: Prepared;
  private readonly call: ReadyCall;
  private readonly stream: OpenStream;

  constructor(to: ForwardPlan, prepared: Prepared, call: ReadyCall) {
    this.to = to;
    this.prepared = prepared;
    this.call = call;
    const { plan, request, requestBytes, signal } = call;
    const takesStream = plan.kind === 'client_stream' || plan.kind === 'bidi_stream';
    this.stream = openStream(prepared, takesStream ? request.each() : requestBytes, signal);
  }

  /** The answer of a stream, as soon as its initial metadata arrives. Messages, end and errors follow. */
  async answer(): Promise<Answer> {
    const { to } = this;
    const { received } = this.stream;
    await received.opened();
    // a stream without a message may end with OK in its only block of headers (gRPC over HTTP/2, "Trailers-Only")
    if (received.headersReceived === undefined && !(received.end?.by === 'upstream' && received.end.code === 0)) this.throwEnd();
    const trailers = Metadata();
    return { metadata: fromUpstream(received.headersReceived, to.answerMetadata), body: this.messages(trailers), trailers };
  }

  private messages(trailers: Metadata): AsyncIterable<Uint8Array> {
    const { received, sender } = this.stream;
    const next = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
      const message = await received.next();
      if (message !== undefined) return { done: false, value: message };
      const { end } = received;
      if (end?.by !== 'upstream' || end.code !== 0) this.throwEnd();
      else for (const [key, values] of fromUpstream(end.trailers, this.to.answerMetadata)) trailers.set(key, values as never);
      return { done: true, value: undefined };
    };
    const finish = async (): Promise<IteratorResult<Uint8Array, undefined>> => {
      sender.cancel(); // closed early: the client has left
      return { done: true, value: undefined };
    };
    return { [Symbol.asyncIterator]: () => ({ next, return: finish }) };
  }

  /** The answer of a call that takes a stream and gives one message. */
  async oneAnswer(): Promise<Answer> {
    const { to } = this;
    const { received } = this.stream;
    const messages: Uint8Array[] = [];
    for (let message = await received.next(); message !== undefined; message = await received.next()) if (messages.push(message) > 1) break;
    this.stream.sender.cancel(); // without effect, unless there are too many
    const [body] = messages;
    const end = received.end;
    if (end?.by !== 'upstream' || end.code !== 0 || body === undefined || messages.length > 1) this.throwEnd(messages.length);
    const { answerMetadata } = to;
    return { body, metadata: fromUpstream(received.headersReceived, answerMetadata), trailers: fromUpstream(end.trailers, answerMetadata) };
  }

  private throwEnd(messages?: number): never {
    const { call, prepared, to } = this;
    const { received } = this.stream;
    const refusal = this.stream.refusal();
    if (refusal !== undefined) throw refusal.error;
    if (call.signal.aborted) throw call.signal.reason;
    const end = received.end ?? { by: 'transport', cause: 'protocol', detail: 'It ended without an end.', processed: 'maybe', peer: undefined };
    const failed = messages !== undefined && end.by === 'upstream' && end.code === 0 ? ofOneMessage(end, messages) : end;
    throw statusForClient(to, failed, received.headersReceived, prepared.limit);
  }
}
