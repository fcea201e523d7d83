import type { ServerHttp2Stream } from 'node:http2';
import { type DescMethod, fromBinary, type Message, toBinary } from '@bufbuild/protobuf';
import { Code, ConnectError, createConnectRouter, decodeBinaryHeader, encodeBinaryHeader, type HandlerContext } from '@connectrpc/connect';
import type { UniversalHandler, UniversalServerResponse } from '@connectrpc/connect/protocol';
import { compressionGzip, universalRequestFromNodeRequest, universalResponseToNodeResponse } from '@connectrpc/connect-node';
import { Metadata } from 'nice-grpc-common';
import { Status } from '../../gen/google/rpc/status.ts';
import { endings } from '../kit/ending.ts';
import type { MethodPlan } from '../kit/plan.ts';
import { StatusError } from '../kit/status-error.ts';
import type { AnswerCall, Call } from '../ports/call.ts';
import type { Log } from '../ports/log.ts';
import { requestBytesMax } from './grpc-edge.ts';
import { edgeHeader, readWord } from './incoming.ts';
import type { EncodeRefusal } from './refusal.ts';
import { isUnreadable, withDetails } from './unreadable.ts';

export type NodeServerRequest = Parameters<typeof universalRequestFromNodeRequest>[0];
export type NodeServerResponse = Parameters<typeof universalResponseToNodeResponse>[1];

/** Answers one HTTP request; false: its path is none of ours. */
export type ConnectEdge = (request: NodeServerRequest, response: NodeServerResponse) => boolean;

/** gRPC-Web, Connect and JSON by Connect's router, which decodes requests and encodes answers; `answer` between is the same as on the gRPC edge. */
export function connectEdge(plans: Iterable<MethodPlan>, answer: AnswerCall, refusal: EncodeRefusal, log: Log): ConnectEdge {
  const planOf = new Map<string, MethodPlan>();
  const router = createConnectRouter({ grpc: false, readMaxBytes: requestBytesMax, acceptCompression: [compressionGzip] });
  for (const plan of plans) {
    planOf.set(plan.path, plan);
    router.rpc(plan.descriptor, implementationOf(plan, answer) as never);
  }
  const handlers = new Map<string, UniversalHandler>(router.handlers.map((handler) => [handler.requestPath, handler]));
  return (request, response) => {
    const path = request.url?.split('?', 2)[0] ?? '';
    const [handler, plan] = [handlers.get(path), planOf.get(path)];
    if (handler === undefined || plan === undefined) return false;
    if ('stream' in request) letGoAfter(request.stream);
    const language = String(request.headers['accept-language'] ?? '');
    handler(universalRequestFromNodeRequest(request, response, undefined, undefined))
      .then((answered) => (isUnreadable(plan, answered) ? withDetails(plan, answered, refusal, language) : answered))
      .then((answered) => universalResponseToNodeResponse(notModified(request.method, answered), response))
      .catch((error: unknown) => {
        if (ConnectError.from(error).code !== Code.Aborted) log.debug('A Connect call broke off.', { error });
      });
    return true;
  };
}

/**
 * What is left of a request that was refused before it was read to its end is read and forgotten: its reader is gone and has left the stream paused, so that it would stay
 * open, and count, for as long as the session. HTTP/1.1 does so itself.
 */
function letGoAfter(stream: ServerHttp2Stream): void {
  stream.once('finish', () => {
    if (stream.readableEnded) return;
    stream.removeAllListeners('data'); // the reader's: each would pause it again
    stream.resume();
  });
}

/** A GET whose etag still holds becomes a real 304 (RFC 9110, section 15.4.5), so that URLSession's and OkHttp's caches understand. */
function notModified(method: string | undefined, response: UniversalServerResponse): UniversalServerResponse {
  if (method !== 'GET' || response.header?.get('portico-not-modified') !== '1') return response;
  for (const key of ['content-type', 'content-length', 'content-encoding']) response.header.delete(key);
  return { status: 304, header: response.header };
}

function implementationOf(plan: MethodPlan, answer: AnswerCall) {
  const { input, output } = plan.descriptor as DescMethod;
  const begin = (request: Call['request'], context: HandlerContext) => callOf(plan, request, context);
  const one = async (request: Call['request'], context: HandlerContext): Promise<Message> => {
    const { call, end } = begin(request, context);
    try {
      const { body, metadata, trailers } = await answer(call);
      toHeaders(metadata, context.responseHeader);
      toHeaders(trailers, context.responseTrailer);
      const message = fromBinary(output, body as Uint8Array);
      end(call.signal.aborted ? { how: 'closed' } : { how: 'returned' });
      return message;
    } catch (error) {
      end(call.signal.aborted ? { how: 'closed' } : { how: 'threw', error });
      throw toConnectError(error);
    }
  };
  async function* many(request: Call['request'], context: HandlerContext): AsyncGenerator<Message> {
    const { call, end } = begin(request, context);
    try {
      const { body, metadata, trailers } = await answer(call);
      toHeaders(metadata, context.responseHeader);
      for await (const bytes of body as AsyncIterable<Uint8Array>) yield fromBinary(output, bytes);
      toHeaders(trailers, context.responseTrailer);
      end(call.signal.aborted ? { how: 'closed' } : { how: 'returned' });
    } catch (error) {
      end(call.signal.aborted ? { how: 'closed' } : { how: 'threw', error });
      throw toConnectError(error);
    } finally {
      end({ how: 'closed' });
    }
  }
  async function* encoded(messages: AsyncIterable<Message>): AsyncGenerator<Uint8Array> {
    for await (const message of messages) yield toBinary(input, message);
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
    if (key !== edgeHeader && !hopByHop.has(key)) metadata.set(key, (key.endsWith('-bin') ? decodeBinaryHeader(value) : value) as string);
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
function toConnectError(error: unknown): unknown {
  if (!(error instanceof StatusError)) return error;
  const connectError = new ConnectError(error.message, error.code as Code);
  toHeaders(error.metadata, connectError.metadata);
  for (const [key, values] of error.trailers) {
    if (key !== 'grpc-status-details-bin') toHeaders(Metadata([[key, values]]), connectError.metadata);
  }
  const status = error.trailers.get('grpc-status-details-bin');
  if (status instanceof Uint8Array) {
    connectError.details = Status.decode(status).details.map(({ typeUrl, value }) => ({ type: typeUrl.slice(typeUrl.lastIndexOf('/') + 1), value }));
  }
  return connectError;
}
