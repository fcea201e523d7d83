import type { FileRegistry } from '@bufbuild/protobuf';
import { oneReading } from '../kit/ambiguous-bytes.ts';
import type { MethodDefinition, ServiceDefinition } from '../kit/ts-proto.ts';
import type { UpstreamEnd } from '../ports/upstream-transport.ts';
import { codeOf, faultOfUpstream } from '../upstreams/http-and-transport-failures.ts';
import { ofOneMessage } from '../upstreams/send-unary.ts';
import { openStream } from '../upstreams/upstream-stream.ts';
import { type CallContext, outputOf, type UpstreamMethod, type Upstreams } from '../upstreams/upstreams.ts';
import { UpstreamError } from './upstream-errors.ts';

type Call = (request: unknown) => Promise<unknown> | AsyncIterable<unknown>;
export type AnyClients = Readonly<Record<string, Readonly<Record<string, Call>>>>;

/** The upstreams of one call: bound to its signal, deadline, trace and identity. */
export type ClientParts = {
  /** By the name of the upstream. */
  readonly services: Readonly<Record<string, ServiceDefinition>>;
  /** Of what they answer. */
  readonly readers: AnswerReaders;
  readonly upstreams: Upstreams;
  readonly context: CallContext;
  /** Whether equal unary calls (same method, same bytes) are made once: for a screen, which is over in a moment. */
  readonly once: boolean;
  /** Is given what upstreams say that their answers are about. */
  readonly tag: (tag: string) => void;
};

export function clientsOf(parts: ClientParts): AnyClients {
  const made = new Map<string, Promise<unknown>>();
  const clients: Record<string, Record<string, Call>> = {};
  for (const name in parts.services) {
    const service = parts.services[name] as ServiceDefinition;
    const client: Record<string, Call> = {};
    for (const method in service.methods) {
      const definition = service.methods[method] as MethodDefinition;
      const read = parts.readers.get(definition);
      if (read === undefined) throw new Error(`There is no reader for the answers of ${service.fullName}/${definition.name}.`);
      client[method] = callOf({ upstream: name, path: `/${service.fullName}/${definition.name}`, keys: [], definition, read }, parts, made);
    }
    clients[name] = client;
  }
  return clients;
}

type Target = UpstreamMethod & {
  readonly definition: MethodDefinition;
  readonly read: (bytes: Uint8Array) => unknown;
};

function callOf(to: Target, parts: ClientParts, made: Map<string, Promise<unknown>>): Call {
  const { requestStream, responseStream } = to.definition;
  if (requestStream) {
    const requests = (messages: unknown) => encodedEach(messages as AsyncIterable<unknown>, to.definition);
    return responseStream ? (messages) => receiveEach(to, requests(messages), parts) : (messages) => receiveOne(to, requests(messages), parts);
  }
  if (responseStream) return (message) => receiveEach(to, encode(message, to.definition), parts);
  return (message) => {
    const bytes = encode(message, to.definition);
    if (!parts.once) return unary(to, bytes, parts);
    const key = `${to.upstream} ${to.path} ${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')}`;
    const known = made.get(key);
    if (known !== undefined) return known;
    const answer = unary(to, bytes, parts);
    made.set(key, answer);
    return answer;
  };
}

async function unary(to: Target, request: Uint8Array, parts: ClientParts): Promise<unknown> {
  const { upstreams, context, tag } = parts;
  const { end, body, tags } = await upstreams.unary(to, request, context);
  if (body === undefined) throw failure(to.upstream, end);
  for (const one of tags) tag(one);
  return decode(body, to, parts);
}

type Request = Uint8Array | AsyncIterable<Uint8Array>;

/** The messages of an upstream's stream. Leaving the loop cancels it. */
async function* receiveEach(to: Target, request: Request, parts: ClientParts): AsyncGenerator<unknown> {
  const { upstreams, context } = parts;
  const prepared = await upstreams.prepare(to, context, 'stream');
  const { received, sender, refusal } = openStream(prepared, request, context.signal);
  try {
    for (let bytes = await received.next(); bytes !== undefined; bytes = await received.next()) yield decode(bytes, to, parts);
  } finally {
    sender.cancel(); // without effect once it has ended
  }
  const refused = refusal();
  if (refused !== undefined) throw refused.error;
  const end = received.end as UpstreamEnd; // there are no more messages, so there is an end
  if (end.by === 'upstream' && end.code === 0) return;
  throw context.signal.aborted ? context.signal.reason : failure(to.upstream, end);
}

async function receiveOne(to: Target, request: Request, parts: ClientParts): Promise<unknown> {
  const answers: unknown[] = [];
  for await (const answer of receiveEach(to, request, parts)) if (answers.push(answer) > 1) break;
  if (answers.length !== 1) throw failure(to.upstream, ofOneMessage(undefined, answers.length));
  return answers[0];
}

function failure(upstream: string, end: UpstreamEnd): UpstreamError {
  const fault = faultOfUpstream(upstream, end);
  return new UpstreamError(codeOf(end), end.by === 'upstream' && end.message !== '' ? end.message : fault.message, fault);
}

function encode(message: unknown, { requestType }: MethodDefinition): Uint8Array {
  return requestType.encode(requestType.fromPartial(message as never)).finish();
}

async function* encodedEach(messages: AsyncIterable<unknown>, definition: MethodDefinition): AsyncGenerator<Uint8Array> {
  for await (const message of messages) yield encode(message, definition);
}

function decode(body: Uint8Array, { upstream, path, read }: Target, { upstreams, context }: ClientParts): unknown {
  try {
    return read(body);
  } catch (cause) {
    throw upstreams.garbage(upstream, path, context, cause);
  }
}

/** Decodes the answer of an internal service's method. @throws Error when it cannot be decoded, or is ambiguous */
export type AnswerReaders = ReadonlyMap<MethodDefinition, (bytes: Uint8Array) => unknown>;

/**
 * Answers of internal services are decoded by the rules of protobuf: repeated occurrences of a message field are
 * merged.
 * @param services by the name of the upstream
 * @throws Error when a service, or one of its methods, is in no .proto of this release
 */
export function answerReaders(services: Readonly<Record<string, ServiceDefinition>>, registry: FileRegistry): AnswerReaders {
  const readers = new Map<MethodDefinition, (bytes: Uint8Array) => unknown>();
  for (const { fullName, methods } of Object.values(services)) {
    for (const definition of Object.values(methods)) {
      const read = oneReading(outputOf(registry, `/${fullName}/${definition.name}`));
      readers.set(definition, (bytes) => definition.responseType.decode(read(bytes)));
    }
  }
  return readers;
}
