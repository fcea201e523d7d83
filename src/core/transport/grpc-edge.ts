import { channel as diagnostics } from 'node:diagnostics_channel';
import type { Http2Server, IncomingHttpHeaders, ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { type CallContext, createServer, type Metadata, type Server, ServerError } from 'nice-grpc';
import { pulled } from '../interceptors/stream-body.ts';
import { endings } from '../kit/ending.ts';
import type { MethodPlan } from '../kit/plan.ts';
import { type Slots, slots } from '../kit/slots.ts';
import { StatusError } from '../kit/status-error.ts';
import type { Answer, AnswerCall, Call, StreamBody } from '../ports/call.ts';
import { answerHeaders, HeaderMetadata } from './header-metadata.ts';
import { type EdgeWord, edgeHeader } from './incoming.ts';

/** Largest request in bytes, as on the other edge. */
export const requestBytesMax = 1_048_576;

/** Times for clients: docs/reference/protocols.md. Balancers of AWS cut idle connections after 350 s without a word. */
const options = {
  'grpc.max_receive_message_length': requestBytesMax,
  'grpc.max_send_message_length': -1,
  'grpc.keepalive_time_ms': 60_000,
  'grpc.keepalive_timeout_ms': 20_000,
  'grpc.max_connection_idle_ms': 300_000,
  'grpc.max_connection_age_ms': 1_800_000,
  'grpc.max_connection_age_grace_ms': 60_000,
};

export type GrpcEdge = {
  session(session: ServerHttp2Session): void;
  /** Answers a gRPC call of a method that there is. @param headers clean ones @returns is to be called when the stream has closed */
  take(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, word: EdgeWord): () => void;
  close(): void;
};

/**
 * What the front knows of the calls that nice-grpc is carrying to their methods, by the ticket that they carry as their only metadata. For grpc-js and nice-grpc each check and copy
 * every piece of metadata, in both directions: it takes a fifth of a bare call's time, and the front has checked them already.
 */
type Arrival = EdgeWord & { readonly stream: ServerHttp2Stream; readonly metadata: HeaderMetadata };
type Arrivals = Slots<Arrival>;

const raw = { encode: (bytes: Uint8Array) => ({ finish: () => bytes }), decode: (bytes: Uint8Array) => bytes };

/**
 * nice-grpc with methods that take and give bytes: nothing is decoded here.
 * @param extras services that do not pass through `answer`: health, reflection
 */
export async function openGrpcEdge(plans: Iterable<MethodPlan>, answer: AnswerCall, extras: (server: Server) => void = () => {}): Promise<GrpcEdge> {
  const server = createServer(options);
  const arrivals: Arrivals = slots();
  for (const [service, ofService] of Map.groupBy(plans, (plan) => plan.descriptor.parent)) {
    const methods = Object.fromEntries(ofService.map((plan) => [plan.descriptor.localName, definitionOf(plan)]));
    const implementation = Object.fromEntries(ofService.map((plan) => [plan.descriptor.localName, implementationOf(plan, answer, arrivals)]));
    // nice-grpc's types want the definition literally; it is made from descriptors here.
    server.add({ name: service.name, fullName: service.typeName, methods } as never, implementation as never);
  }
  extras(server);
  const http2 = await listenCaptured(server);
  return {
    session: (session) => http2.emit('session', session),
    take: (stream, headers, { peer, authority, deadlineAtMs }) => {
      const arrival: Arrival = { stream, metadata: new HeaderMetadata(headers), peer, authority, deadlineAtMs };
      const ticket = arrivals.put(arrival);
      http2.emit('stream', stream, forGrpc(headers, String(ticket)));
      return () => {
        arrivals.drop(ticket, arrival); // it is still there when nobody took it
        letGo(stream);
      };
    },
    close: () => server.forceShutdown(),
  };
}

/** ts-proto's shape: a plain nice-grpc definition would lose `options` and copy each request. Without `fromPartial` messages are not copied. */
function definitionOf(plan: MethodPlan) {
  const requestStream = plan.kind === 'client_stream' || plan.kind === 'bidi_stream';
  const responseStream = plan.kind === 'server_stream' || plan.kind === 'bidi_stream';
  return { name: plan.descriptor.name, requestType: raw, requestStream, responseType: raw, responseStream, options: {} };
}

/**
 * grpc-js offers no public hand-over of single streams, so nice-grpc listens on loopback and its HTTP/2 server is found through Node's diagnostics channel, without
 * private fields. Every end-to-end test by gRPC goes this way, so that an upgrade that breaks it is seen.
 */
async function listenCaptured(server: Server): Promise<Http2Server> {
  const seen: Http2Server[] = [];
  const channel = diagnostics('tracing:net.server.listen:asyncStart');
  const listener = (message: unknown) => {
    seen.push((message as { server: Http2Server }).server);
  };
  channel.subscribe(listener);
  try {
    const port = await server.listen('127.0.0.1:0');
    const found = seen.find((candidate) => (candidate.address() as AddressInfo | null)?.port === port && candidate.listenerCount('stream') > 0);
    if (found === undefined) throw new Error("nice-grpc's HTTP/2 server was not found: has grpc-js changed how it listens?");
    return found;
  } finally {
    channel.unsubscribe(listener);
  }
}

function implementationOf(plan: MethodPlan, answer: AnswerCall, arrivals: Arrivals) {
  if (plan.kind === 'unary' || plan.kind === 'client_stream') {
    return async (request: Call['request'], context: CallContext): Promise<Uint8Array> => {
      const { call, end, stream } = callOf(plan, request, context, arrivals);
      try {
        const answered = answer(call);
        const { body, metadata, trailers } = answered instanceof Promise ? await answered : answered;
        answerHeaders(stream, metadata);
        copy(trailers, context.trailer);
        end(call.signal.aborted ? { how: 'closed' } : { how: 'returned' });
        return body as Uint8Array;
      } catch (error) {
        end(call.signal.aborted ? { how: 'closed' } : { how: 'threw', error });
        throw toServerError(error, context);
      }
    };
  }
  return async function* (request: Call['request'], context: CallContext): AsyncGenerator<Uint8Array, void, undefined> {
    const { call, end } = callOf(plan, request, context, arrivals);
    try {
      const { body, metadata, trailers } = await answer(call);
      copy(metadata, context.header);
      context.sendHeader();
      yield* pulled(body as StreamBody, call.signal);
      copy(trailers, context.trailer);
      end(call.signal.aborted ? { how: 'closed' } : { how: 'returned' });
    } catch (error) {
      end(call.signal.aborted ? { how: 'closed' } : { how: 'threw', error });
      throw toServerError(error, context);
    } finally {
      end({ how: 'closed' }); // closed early: nice-grpc returned this generator, because the client has left
    }
  };
}

/**
 * Lets go of what grpc-js's listeners of a closed stream hold. Such a stream is garbage, but V8's collections of young objects spare it: its native half is held weakly, and they take
 * what is so held for living. With it went all that its listeners remember, the whole call, copied into the old space for nothing.
 */
function letGo(stream: ServerHttp2Stream): void {
  for (const event of ['data', 'end']) stream.removeAllListeners(event);
}

/** What grpc-js reads of a call's headers, and our ticket. */
function forGrpc(headers: IncomingHttpHeaders, ticket: string): IncomingHttpHeaders {
  const read: IncomingHttpHeaders = { ':path': headers[':path'], 'content-type': headers['content-type'], [edgeHeader]: ticket };
  if (headers['grpc-encoding'] !== undefined) read['grpc-encoding'] = headers['grpc-encoding'];
  return read;
}

function callOf(plan: MethodPlan, request: Call['request'], { metadata: carried, signal }: CallContext, arrivals: Arrivals) {
  const ticket = Number(carried.get(edgeHeader));
  const arrival = arrivals.get(ticket);
  if (arrival === undefined) throw new Error('A call came to its method without having passed the front.');
  arrivals.drop(ticket, arrival);
  const { stream, metadata, peer, authority, deadlineAtMs } = arrival;
  const { onEnd, end } = endings();
  const call: Call = { plan, protocol: 'grpc', metadata, peer, authority, signal, deadlineAtMs, request, onEnd };
  return { call, end, stream };
}

function toServerError(error: unknown, context: CallContext): unknown {
  if (!(error instanceof StatusError)) return error;
  copy(error.metadata, context.header);
  copy(error.trailers, context.trailer);
  return new ServerError(error.code, error.message);
}

function copy(from: Answer['metadata'], to: Metadata): void {
  for (const [key, values] of from) to.set(key, values as never);
}
