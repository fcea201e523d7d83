import { once } from 'node:events';
import {
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientWritableStream,
  type Metadata as GrpcMetadata,
  status as grpcStatus,
  type ServiceError,
  type StatusObject,
} from '@grpc/grpc-js';
import { Metadata } from 'nice-grpc-common';
import { Fault } from '../kit/fault.ts';
import type { MethodPlan } from '../kit/plan.ts';
import { StatusError } from '../kit/status-error.ts';
import type { Answer, Call, Handler } from '../ports/call.ts';
import { passedOn } from './local-status.ts';
import { fromUpstream, standardKeys, tagsFromUpstream } from './metadata.ts';
import { sendUnary, asBuffer as serialize } from './unary.ts';
import type { Upstreams } from './upstreams.ts';

const deserialize = (bytes: Buffer): Uint8Array => bytes;

/** Hands calls of a method to an upstream byte for byte: messages, metadata both ways, trailers, statuses with their details, deadline and cancellation. */
export function forward(plan: MethodPlan, upstreams: Upstreams): Handler {
  const to = plan.forward;
  if (to === undefined) throw new Error(`${plan.method} is not forwarded.`);
  const keys = [...standardKeys, ...to.metadata];
  if (plan.kind === 'unary') {
    return async (call) => {
      const prepared = await upstreams.prepare(to.upstream, to.path.slice(1), keys, call, 'unary');
      try {
        const { body, headers, trailers } = await sendUnary(prepared, to.path, call.request as Uint8Array, call.signal);
        return { body, metadata: fromUpstream(headers), trailers: fromUpstream(trailers), tags: tagsFromUpstream(headers, trailers) };
      } catch (error) {
        throw passedOn(to.upstream, error, call.signal, prepared.limit);
      }
    };
  }
  return async (call) => {
    const { client, metadata, options, end } = await upstreams.prepare(to.upstream, to.path.slice(1), keys, call, 'stream');
    if (plan.kind === 'server_stream') {
      const stream = client.makeServerStreamRequest(to.path, serialize, deserialize, call.request as Uint8Array, metadata, options);
      return answerOf(stream, call, to.upstream, end);
    }
    if (plan.kind === 'bidi_stream') {
      const stream = client.makeBidiStreamRequest(to.path, serialize, deserialize, metadata, options);
      return answerOf(stream, call, to.upstream, end, pump(call, stream));
    }
    let body: Uint8Array | undefined;
    const stream = client.makeClientStreamRequest(
      to.path,
      serialize,
      deserialize,
      metadata,
      options,
      (_error: ServiceError | null, value?: Uint8Array) => {
        body = value;
      },
    );
    return singleAnswer(stream, () => body, call, to.upstream, end, pump(call, stream));
  };
}

type Sending = ClientWritableStream<Uint8Array> | ClientDuplexStream<Uint8Array, Uint8Array>;
type Receiving = ClientReadableStream<Uint8Array> | ClientDuplexStream<Uint8Array, Uint8Array>;

/** Why the server itself ended the call: a message of the client that cannot be read, or that breaks a rule. */
type Refusal = { fault: Fault | undefined };
const noRefusal: Refusal = { fault: undefined };

/** Passes the client's messages on, no faster than the upstream takes them. Its end is passed on only when the client has not left: a lost client can look like a polite end. */
function pump(call: Call, stream: Sending): Refusal {
  const refusal: Refusal = { fault: undefined };
  void send(call, stream, refusal);
  return refusal;
}

async function send(call: Call, stream: Sending, refusal: Refusal): Promise<void> {
  try {
    for await (const message of call.request as AsyncIterable<Uint8Array>) {
      if (!stream.write(message) && !call.signal.aborted) await once(stream, 'drain', { signal: call.signal });
    }
    if (call.signal.aborted) stream.cancel();
    else stream.end();
  } catch (error) {
    if (error instanceof Fault) refusal.fault = error as Fault;
    stream.cancel(); // the answer's side says why
  }
}

/** The answer of a stream: given as soon as initial metadata is there; messages, end and errors follow as they come. */
async function answerOf(stream: Receiving, call: Call, upstream: string, end: (code: number) => void, refusal = noRefusal): Promise<Answer> {
  const trailers = Metadata();
  let headers = Metadata();
  let failure: StatusError | undefined;
  const cancel = () => stream.cancel();
  if (call.signal.aborted) cancel();
  else call.signal.addEventListener('abort', cancel, { once: true });
  const opened = new Promise<void>((resolve) => {
    stream.once('metadata', (received: GrpcMetadata) => {
      headers = fromUpstream(received);
      resolve();
    });
    stream.once('status', ({ code, details, metadata }: StatusObject) => {
      call.signal.removeEventListener('abort', cancel);
      end(code);
      const received = fromUpstream(metadata);
      for (const [key, values] of received) trailers.set(key, values as never);
      if (code !== grpcStatus.OK) failure = new StatusError(code, details, { trailers: received, metadata: headers });
      resolve();
    });
  });
  const statusSeen = new Promise<void>((resolve) => stream.once('status', () => resolve()));
  stream.on('error', () => {}); // the status says it all
  await opened;
  if (failure !== undefined && stream.readableLength === 0) throw refusal.fault ?? passedOn(upstream, failure, call.signal, 'call');
  return { metadata: headers, body: messages(), trailers };

  async function* messages(): AsyncGenerator<Uint8Array> {
    let finished = false;
    try {
      for await (const message of stream as AsyncIterable<Uint8Array>) yield message;
      finished = true;
    } catch (error) {
      finished = true;
      await statusSeen;
      if (failure === undefined) throw error;
    } finally {
      if (!finished) stream.cancel(); // closed early: the client left
    }
    await statusSeen;
    if (failure !== undefined)
      throw refusal.fault ?? passedOn(upstream, new StatusError(failure.code, failure.message, { trailers: failure.trailers }), call.signal, 'call');
  }
}

function singleAnswer(
  stream: ClientWritableStream<Uint8Array>,
  body: () => Uint8Array | undefined,
  call: Call,
  upstream: string,
  end: (code: number) => void,
  refusal: Refusal,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let headers = Metadata();
    const cancel = () => stream.cancel();
    if (call.signal.aborted) cancel();
    else call.signal.addEventListener('abort', cancel, { once: true });
    stream.once('metadata', (received: GrpcMetadata) => {
      headers = fromUpstream(received);
    });
    stream.on('error', () => {});
    stream.once('status', ({ code, details, metadata }: StatusObject) => {
      call.signal.removeEventListener('abort', cancel);
      end(code);
      const trailers = fromUpstream(metadata);
      const answered = body();
      if (code === grpcStatus.OK && answered !== undefined) resolve({ metadata: headers, body: answered, trailers });
      else reject(refusal.fault ?? passedOn(upstream, new StatusError(code, details, { trailers, metadata: headers }), call.signal, 'call'));
    });
  });
}
