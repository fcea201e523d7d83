import { fromBinary } from '@bufbuild/protobuf';
import { Metadata } from 'nice-grpc-common';
import { Fault } from '../kit/fault.ts';
import type { ForwardPlan, MethodPlan } from '../kit/plan.ts';
import type { Answer, Handler, ReadyCall } from '../ports/call.ts';
import type { UpstreamSender } from '../ports/upstream-transport.ts';
import { fromUpstream, standardKeys } from './metadata.ts';
import { passedOn } from './passed-on.ts';
import { ReceivedStream } from './received-stream.ts';
import { ofOneMessage } from './send-unary.ts';
import type { Prepared, Upstreams } from './upstreams.ts';

/** Hands calls of a method to an upstream: messages byte for byte, statuses with their details, deadline and cancellation; metadata and texts as the policy says. */
export function forward(plan: MethodPlan, upstreams: Upstreams): Handler {
  const to = plan.forward;
  if (to === undefined) throw new Error(`${plan.method} is not forwarded.`);
  const keys = [...standardKeys, ...to.metadata];
  if (plan.kind === 'unary') {
    return async (call) => {
      const { end, headers, body, tags, limit } = await upstreams.unary(to.upstream, to.path, call.requestBytes, keys, call);
      if (body === undefined || end.by !== 'upstream') throw passedOn(to, end, headers, limit);
      if (plan.cache !== undefined) check(body, plan, (cause) => upstreams.garbage(to.upstream, to.path, call, cause));
      return { body, metadata: fromUpstream(headers, to.answerMetadata), trailers: fromUpstream(end.trailers, to.answerMetadata), tags };
    };
  }
  return async (call) => {
    const prepared = await upstreams.prepare(to.upstream, to.path, keys, call, 'stream');
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
  private readonly received = new ReceivedStream();
  private readonly sender: UpstreamSender;
  /** Why we ended the call ourselves: a message of the client that cannot be read, or that breaks a rule. */
  private refusal: Fault | undefined;

  constructor(to: ForwardPlan, prepared: Prepared, call: ReadyCall) {
    this.to = to;
    this.prepared = prepared;
    this.call = call;
    const { signal, requestBytes, request } = call;
    const takesStream = call.plan.kind === 'client_stream' || call.plan.kind === 'bidi_stream';
    const { received } = this;
    const only = takesStream ? undefined : requestBytes;
    this.sender = prepared.transport.call(prepared.call, received, only);
    received.bind(this.sender);
    const cancel = () => this.sender.cancel();
    received.onEnd = (end) => {
      signal.removeEventListener('abort', cancel);
      prepared.end(end);
    };
    if (signal.aborted) cancel();
    else signal.addEventListener('abort', cancel, { once: true });
    if (takesStream) void this.pump(request.each());
  }

  /** Passes the client's messages on, no faster than the upstream takes them. Their end is passed on only when the client has not left: a lost client can look like a polite end. */
  private async pump(messages: AsyncIterable<Uint8Array>): Promise<void> {
    const { received, sender, call } = this;
    try {
      for await (const message of messages) {
        if (received.end !== undefined) return;
        if (!sender.send(message)) await new Promise<void>((resolve) => this.whenRoom(resolve));
      }
      if (call.signal.aborted) sender.cancel();
      else sender.halfClose();
    } catch (error) {
      if (error instanceof Fault) this.refusal = error as Fault;
      sender.cancel(); // the answer's side says why
    }
  }

  private whenRoom(resolve: () => void): void {
    if (this.received.end !== undefined) resolve();
    else this.received.onRoom = resolve;
  }

  /** The answer of a stream: given as soon as initial metadata is there; messages, end and errors follow as they come. */
  async answer(): Promise<Answer> {
    const { received, to } = this;
    await received.opened();
    if (received.headersReceived === undefined) this.throwEnd();
    const trailers = Metadata();
    return { metadata: fromUpstream(received.headersReceived, to.answerMetadata), body: this.messages(trailers), trailers };
  }

  private messages(trailers: Metadata): AsyncIterable<Uint8Array> {
    const { received, sender } = this;
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
    const { received, to } = this;
    const messages: Uint8Array[] = [];
    for (let message = await received.next(); message !== undefined; message = await received.next()) if (messages.push(message) > 1) break;
    this.sender.cancel(); // without effect, unless there are too many
    const [body] = messages;
    const end = received.end;
    if (end?.by !== 'upstream' || end.code !== 0 || body === undefined || messages.length > 1) this.throwEnd(messages.length);
    const { answerMetadata } = to;
    return { body, metadata: fromUpstream(received.headersReceived, answerMetadata), trailers: fromUpstream(end.trailers, answerMetadata) };
  }

  private throwEnd(messages?: number): never {
    const { received, call, prepared, to } = this;
    if (this.refusal !== undefined) throw this.refusal;
    if (call.signal.aborted) throw call.signal.reason;
    const end = received.end ?? { by: 'transport', cause: 'protocol', detail: 'It ended without an end.', processed: 'maybe', peer: undefined };
    const failed = messages !== undefined && end.by === 'upstream' && end.code === 0 ? ofOneMessage(end, messages) : end;
    throw passedOn(to, failed, received.headersReceived, prepared.limit);
  }
}
