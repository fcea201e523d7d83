import type { Writable } from 'node:stream';
import { type DescMessage, type DescMethod, fromBinary, type Message, type Registry, toBinary, toJson } from '@bufbuild/protobuf';
import {
  Code,
  ConnectError,
  createConnectRouter,
  createContextKey,
  createContextValues,
  decodeBinaryHeader,
  encodeBinaryHeader,
  type HandlerContext,
} from '@connectrpc/connect';
import type { UniversalHandler, UniversalServerResponse } from '@connectrpc/connect/protocol';
import { compressionGzip, type universalRequestFromNodeRequest, universalResponseToNodeResponse } from '@connectrpc/connect-node';
import { Metadata } from 'nice-grpc-common';
import { Status } from '../../gen/google/rpc/status.ts';
import { pulled } from '../interceptors/stream-body.ts';
import { endings } from '../kit/ending.ts';
import { Fault } from '../kit/fault.ts';
import type { MethodPlan } from '../kit/plan.ts';
import { StatusError } from '../kit/status-error.ts';
import { messagesWithin } from '../policy/shape.ts';
import type { AnswerCall, Call, StreamBody } from '../ports/call.ts';
import type { Log } from '../ports/log.ts';
import { connectDetails } from './connect-details.ts';
import { universalRequest } from './connect-request.ts';
import { requestBytesMax } from './grpc-edge.ts';
import { edgeHeader, readWord } from './incoming.ts';
import type { EncodeRefusal } from './refusal.ts';
import { tooLarge, unreadable, withDetails } from './unreadable.ts';

export type NodeServerRequest = Parameters<typeof universalRequestFromNodeRequest>[0];
export type NodeServerResponse = Parameters<typeof universalResponseToNodeResponse>[1];

/** Answers one HTTP request; false: its path is none of ours. */
export type ConnectEdge = (request: NodeServerRequest, response: NodeServerResponse) => boolean;

export type ConnectEdgeParts = {
  readonly plans: Iterable<MethodPlan>;
  /** The types that JSON may have in an Any. */
  readonly registry: Registry;
  readonly answer: AnswerCall;
  readonly refusal: EncodeRefusal;
  readonly log: Log;
};

/** gRPC-Web, Connect and JSON by Connect's router, which decodes requests and encodes answers; `answer` between is the same as on the gRPC edge. */
export function connectEdge({ plans, registry, answer, refusal, log }: ConnectEdgeParts): ConnectEdge {
  /** What did not come from `answer` has no details yet: requests that cannot be read, answers that cannot be encoded. */
  const refused: Refused = (error, plan, context) => {
    if (error instanceof StatusError || hasLeft(error)) return toConnectError(error, registry);
    if (!(error instanceof Fault)) log.error('A call failed by a defect of its edge.', { method: plan.method, error });
    const fault = error instanceof Fault ? error : new Fault('INTERNAL', 'The call failed by a defect of the server.', { cause: error });
    return toConnectError(refusal(fault, context.requestHeader.get('accept-language') ?? ''), registry);
  };
  const planOf = new Map<string, MethodPlan>();
  const router = createConnectRouter({ grpc: false, readMaxBytes: requestBytesMax, acceptCompression: [compressionGzip], jsonOptions: { registry } });
  for (const plan of plans) {
    planOf.set(plan.path, plan);
    router.rpc(plan.descriptor, implementationOf(plan, registry, answer, refused) as never);
  }
  const handlers = new Map<string, UniversalHandler>(router.handlers.map((handler) => [handler.requestPath, handler]));
  return (request, response) => {
    const path = request.url?.split('?', 2)[0] ?? '';
    const [handler, plan] = [handlers.get(path), planOf.get(path)];
    if (handler === undefined || plan === undefined) return false;
    const language = String(request.headers['accept-language'] ?? '');
    const values = createContextValues();
    handler(universalRequest(request, response, values))
      .then((answered) =>
        values.get(begun) ? answered : withDetails(plan.descriptor.input, answered, (fault: Fault) => refusal(fault, language), registry),
      )
      .then((answered) => universalResponseToNodeResponse(alsoVaryingBy(response, notModified(request.method, answered)), response))
      .catch((error: unknown) => {
        if (ConnectError.from(error).code !== Code.Aborted) log.debug('A Connect call broke off.', { error });
        (response as Writable).destroy(); // whatever it was: nobody is left waiting
      });
    return true;
  };
}

/** Whether a call has got to us: until then the router is alone with it. */
const begun = createContextKey(false);

/** What is said here would take the place of what CORS has said: a cache that forgot `vary: origin` would hand an answer without its CORS headers to a page. */
function alsoVaryingBy(response: NodeServerResponse, answered: UniversalServerResponse): UniversalServerResponse {
  const said = (response as { getHeader(name: string): unknown }).getHeader('vary');
  if (typeof said === 'string') answered.header?.append('vary', said);
  return answered;
}

/** A GET whose etag still holds becomes a real 304 (RFC 9110, section 15.4.5), so that URLSession's and OkHttp's caches understand. */
function notModified(method: string | undefined, response: UniversalServerResponse): UniversalServerResponse {
  if (method !== 'GET' || response.header?.get('portico-not-modified') !== '1') return response;
  for (const key of ['content-type', 'content-length', 'content-encoding']) response.header.delete(key);
  return { status: 304, header: response.header };
}

/**
 * Whether a message may have what JSON cannot say: an Any of a type that nobody knows, a time after the year 9999 (ProtoJSON format). The router finds that out too late for details, so it is tried
 * before.
 */
function hasUnsayable(type: DescMessage): boolean {
  return [...messagesWithin(type)].some(({ typeName }) => typeName.startsWith('google.protobuf.'));
}

type Refused = (error: unknown, plan: MethodPlan, context: HandlerContext) => unknown;

/** Connect's own words for a client that left. */
function hasLeft(error: unknown): boolean {
  return error instanceof ConnectError && (error.code === Code.Canceled || error.code === Code.Aborted);
}

function implementationOf(plan: MethodPlan, registry: Registry, answer: AnswerCall, refused: Refused) {
  const { input, output } = plan.descriptor as DescMethod;
  const mayBeUnsayable = hasUnsayable(output);
  const begin = (request: Call['request'], context: HandlerContext) => {
    context.values.set(begun, true);
    try {
      return callOf(plan, request, context);
    } catch (error) {
      throw refused(error, plan, context);
    }
  };
  const decode = (bytes: Uint8Array): Message => {
    try {
      return fromBinary(output, bytes);
    } catch (cause) {
      if (plan.forward === undefined) throw cause;
      const { upstream } = plan.forward;
      throw new Fault('UPSTREAM_GARBAGE', `The internal service ${upstream} answered what cannot be decoded.`, { metadata: { upstream }, cause });
    }
  };
  const toMessage = (bytes: Uint8Array, { responseHeader }: HandlerContext): Message => {
    const message = decode(bytes);
    if (mayBeUnsayable && responseHeader.get('content-type')?.includes('json')) toJson(output, message, { registry });
    return message;
  };
  const one = async (request: Call['request'], context: HandlerContext): Promise<Message> => {
    const { call, end } = begin(request, context);
    try {
      const { body, metadata, trailers } = await answer(call);
      toHeaders(metadata, context.responseHeader);
      toHeaders(trailers, context.responseTrailer);
      const message = toMessage(body as Uint8Array, context);
      end(call.signal.aborted ? { how: 'closed' } : { how: 'returned' });
      return message;
    } catch (error) {
      end(call.signal.aborted ? { how: 'closed' } : { how: 'threw', error });
      throw refused(error, plan, context);
    }
  };
  async function* many(request: Call['request'], context: HandlerContext): AsyncGenerator<Message> {
    const { call, end } = begin(request, context);
    try {
      const { body, metadata, trailers } = await answer(call);
      toHeaders(metadata, context.responseHeader);
      for await (const bytes of pulled(body as StreamBody, call.signal)) yield toMessage(bytes, context);
      toHeaders(trailers, context.responseTrailer);
      end(call.signal.aborted ? { how: 'closed' } : { how: 'returned' });
    } catch (error) {
      end(call.signal.aborted ? { how: 'closed' } : { how: 'threw', error });
      throw refused(error, plan, context);
    } finally {
      end({ how: 'closed' });
    }
  }
  async function* encoded(messages: AsyncIterable<Message>): AsyncGenerator<Uint8Array> {
    try {
      for await (const message of messages) yield toBinary(input, message);
    } catch (error) {
      if (!(error instanceof ConnectError) || hasLeft(error)) throw error;
      throw error.code === Code.ResourceExhausted ? tooLarge() : unreadable(input, error);
    }
  }
  switch (plan.kind) {
    case 'unary':
      return (message: Message, context: HandlerContext) => one(toBinary(input, message), context);
    case 'server_stream':
      return (message: Message, context: HandlerContext) => many(toBinary(input, message), context);
    case 'client_stream':
      return (messages: AsyncIterable<Message>, context: HandlerContext) => one(encoded(messages), context);
    case 'bidi_stream':
      return (messages: AsyncIterable<Message>, context: HandlerContext) => many(encoded(messages), context);
  }
}

function callOf(plan: MethodPlan, request: Call['request'], context: HandlerContext) {
  const metadata = Metadata();
  for (const [key, value] of context.requestHeader) {
    if (key !== edgeHeader && !hopByHop.has(key)) metadata.set(key, (key.endsWith('-bin') ? binary(key, value) : value) as string);
  }
  const { peer, authority, deadlineAtMs } = readWord(context.requestHeader.get(edgeHeader) ?? '');
  const { onEnd, end } = endings();
  const call: Call = {
    plan,
    protocol: context.protocolName === 'grpc-web' ? 'grpc-web' : 'connect',
    metadata,
    peer,
    authority,
    signal: context.signal,
    deadlineAtMs,
    request,
    onEnd,
  };
  return { call, end };
}

function binary(key: string, value: string): Uint8Array {
  try {
    return decodeBinaryHeader(value);
  } catch (cause) {
    throw new Fault('CALL_MALFORMED', `The metadata "${key}" is not base64.`, { metadata: { key }, cause });
  }
}

/** Of HTTP and of the protocol itself, not of the call. */
const hopByHop = new Set([
  'connection',
  'content-length',
  'content-type',
  'content-encoding',
  'accept',
  'accept-encoding',
  'host',
  'te',
  'transfer-encoding',
  'keep-alive',
]);

function toHeaders(metadata: Metadata, headers: Headers): void {
  for (const [key, values] of metadata) {
    for (const value of values) headers.append(key, typeof value === 'string' ? value : encodeBinaryHeader(value));
  }
}

/** The same status in Connect's form; its details travel as they are. */
function toConnectError(error: unknown, registry: Registry): unknown {
  if (!(error instanceof StatusError)) return error;
  const connectError = new ConnectError(error.message, error.code as Code);
  toHeaders(error.metadata, connectError.metadata);
  for (const [key, values] of error.trailers) {
    if (key !== 'grpc-status-details-bin') toHeaders(Metadata([[key, values]]), connectError.metadata);
  }
  const status = error.trailers.get('grpc-status-details-bin');
  if (status instanceof Uint8Array) {
    connectError.details = [...connectDetails(Status.decode(status).details, registry)];
  }
  return connectError;
}
