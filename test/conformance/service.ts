// Connect's ConformanceService, answered by handlers in Portico's own chain: what it says of itself stands in the suite's service.proto.
import { setTimeout as pause } from 'node:timers/promises';
import { create, createFileRegistry, type DescMessage, fromBinary, type MessageInitShape, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { Metadata } from 'nice-grpc-common';
import { StatusError } from '../../src/core/kit/status-error.ts';
import type { Answer, Handler, ReadyCall } from '../../src/core/ports/call.ts';
import { Status } from '../../src/gen/google/rpc/status.ts';
import { messageOf, messagesOf } from './request.ts';

// What is used of the suite's messages. They are read by their descriptors, since nothing else of ours needs code for them.
type Header = { readonly name: string; readonly value: readonly string[] };
type Any = { readonly typeUrl: string; readonly value: Uint8Array };
type Failure = { readonly code: number; readonly message?: string; readonly details: readonly Any[] };
type Said = { readonly responseHeaders: readonly Header[]; readonly responseTrailers: readonly Header[] };
type UnaryDefinition = Said & {
  readonly response:
    | { readonly case: 'error'; readonly value: Failure }
    | { readonly case: 'responseData'; readonly value: Uint8Array }
    | { readonly case: undefined };
  readonly responseDelayMs: number;
};
type StreamDefinition = Said & { readonly responseData: readonly Uint8Array[]; readonly responseDelayMs: number; readonly error?: Failure };
type UnaryRequest = { readonly responseDefinition?: UnaryDefinition };
type StreamRequest = { readonly responseDefinition?: StreamDefinition; readonly fullDuplex?: boolean };
type Info = { readonly requestHeaders?: readonly Header[]; readonly timeoutMs?: bigint | undefined; readonly requests: readonly Any[] };

const named = 'connectrpc.conformance.v1.';
const service = `${named}ConformanceService`;

/** @param descriptors of the suite */
export function conformanceService(descriptors: Uint8Array): Readonly<Record<string, Handler>> {
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
  const type = (name: string): DescMessage => {
    const found = registry.getMessage(named + name);
    if (found === undefined) throw new Error(`The suite has no message ${name}.`);
    return found;
  };
  const decode = <T>(name: string, bytes: Uint8Array) => fromBinary(type(name), bytes) as unknown as T;
  const encode = (name: string, fields: object) => toBinary(type(name), create(type(name), fields as MessageInitShape<DescMessage>));
  const any = (name: string, value: Uint8Array): Any => ({ typeUrl: `type.googleapis.com/${named}${name}`, value });

  /** @param info is added to the details where nothing was answered before */
  const failing = (
    { code, message = '', details }: Failure,
    { responseHeaders = [], responseTrailers = [] }: Partial<Said>,
    info?: Info,
  ): StatusError => {
    const all = info === undefined ? details : [...details, any('ConformancePayload.RequestInfo', encode('ConformancePayload.RequestInfo', info))];
    const trailers = metadataOf(responseTrailers);
    const plain = all.map(({ typeUrl, value }) => ({ typeUrl, value: Buffer.from(value) }));
    trailers.set('grpc-status-details-bin', Status.encode({ code, message, details: plain }).finish());
    return new StatusError(code, message, { trailers, metadata: metadataOf(responseHeaders) });
  };
  const single = async (call: ReadyCall, definition: UnaryDefinition | undefined, requests: readonly Any[], answer: string): Promise<Answer> => {
    const info = { ...infoOf(call), requests };
    if (definition?.responseDelayMs) await pause(definition.responseDelayMs, undefined, { signal: call.signal });
    const { response } = definition ?? {};
    if (definition !== undefined && response?.case === 'error') throw failing(response.value, definition, info);
    const data = response?.case === 'responseData' ? response.value : new Uint8Array();
    const body = encode(answer, { payload: { data, requestInfo: info } });
    return { metadata: metadataOf(definition?.responseHeaders), trailers: metadataOf(definition?.responseTrailers), body };
  };
  const unary =
    (name: string): Handler =>
    async (call) => {
      const bytes = await messageOf(call);
      return single(call, decode<UnaryRequest>(`${name}Request`, bytes).responseDefinition, [any(`${name}Request`, bytes)], `${name}Response`);
    };
  const clientStream: Handler = async (call) => {
    const requests: Uint8Array[] = [];
    for await (const bytes of messagesOf(call)) requests.push(bytes);
    const [first] = requests;
    const definition = first && decode<UnaryRequest>('ClientStreamRequest', first).responseDefinition;
    const all = requests.map((bytes) => any('ClientStreamRequest', bytes));
    return single(call, definition, all, 'ClientStreamResponse');
  };
  const serverStream: Handler = async (call) => {
    const bytes = await messageOf(call);
    const { responseDefinition: definition } = decode<StreamRequest>('ServerStreamRequest', bytes);
    const info = { ...infoOf(call), requests: [any('ServerStreamRequest', bytes)] };
    return streamed(
      call,
      definition,
      async function* () {
        for (const [i, data] of (definition?.responseData ?? []).entries())
          yield encode('ServerStreamResponse', { payload: { data, ...(i === 0 && { requestInfo: info }) } });
      },
      () => info,
    );
  };
  const bidi: Handler = async (call) => {
    const input = messagesOf(call)[Symbol.asyncIterator]();
    const first = await input.next();
    const start: StreamRequest = first.done === true ? {} : decode('BidiStreamRequest', first.value);
    const { responseDefinition: definition, fullDuplex = false } = start;
    const headers = infoOf(call);
    let unsaid: Any[] = first.done === true ? [] : [any('BidiStreamRequest', first.value)];
    const read = async () => {
      const next = await input.next();
      if (next.done !== true) unsaid.push(any('BidiStreamRequest', next.value));
      return next.done !== true;
    };
    const data = definition?.responseData ?? [];
    if (!fullDuplex) while (first.done !== true && (await read()));
    return streamed(
      call,
      definition,
      async function* () {
        let open = fullDuplex && first.done !== true;
        for (const [i, one] of data.entries()) {
          if (i > 0 && open) open = await read();
          const info: Info = { ...(i === 0 && headers), requests: unsaid };
          yield encode('BidiStreamResponse', {
            payload: { data: one, ...((i === 0 || (fullDuplex && unsaid.length > 0)) && { requestInfo: info }) },
          });
          unsaid = [];
        }
        if (open) await read(); // a request that nothing answers any more
      },
      () => ({ ...headers, requests: unsaid }),
    );
  };
  /** Ends a stream as its definition says; what fails before the first message is thrown at once. */
  const streamed = (
    call: ReadyCall,
    definition: StreamDefinition | undefined,
    messages: () => AsyncGenerator<Uint8Array>,
    info: () => Info,
  ): Answer => {
    const failure = definition?.error;
    if (definition !== undefined && failure !== undefined && definition.responseData.length === 0) throw failing(failure, definition, info());
    async function* body() {
      for await (const message of messages()) {
        if (definition?.responseDelayMs) await pause(definition.responseDelayMs, undefined, { signal: call.signal });
        yield message;
      }
      if (failure !== undefined) throw failing(failure, { responseTrailers: definition?.responseTrailers ?? [] });
    }
    return { metadata: metadataOf(definition?.responseHeaders), trailers: metadataOf(definition?.responseTrailers), body: body() };
  };
  return {
    [`${service}/Unary`]: unary('Unary'),
    [`${service}/IdempotentUnary`]: unary('IdempotentUnary'),
    [`${service}/ServerStream`]: serverStream,
    [`${service}/ClientStream`]: clientStream,
    [`${service}/BidiStream`]: bidi,
    [`${service}/Unimplemented`]: () => {
      throw failing({ code: 12, message: `${service}/Unimplemented is not implemented`, details: [] }, {});
    },
  };
}

/** What a handler sees of a call, as the suite wants it echoed. */
function infoOf(call: ReadyCall): { readonly requestHeaders: readonly Header[]; readonly timeoutMs?: bigint } {
  const text = (value: string | Uint8Array) => (typeof value === 'string' ? value : Buffer.from(value).toString('base64').replace(/=+$/, ''));
  const requestHeaders = [...call.metadata].map(([name, values]) => ({ name, value: (values as readonly (string | Uint8Array)[]).map(text) }));
  const leftMs = (call.deadlineAtMs ?? Number.POSITIVE_INFINITY) - Date.now();
  return leftMs > suiteDeadlineMaxMs ? { requestHeaders } : { requestHeaders, timeoutMs: BigInt(Math.max(0, Math.round(leftMs))) };
}

/** A handler sees the client's deadline and the policy's as one, and tells them apart by their lengths: longer than any that a case says. Milliseconds. */
const suiteDeadlineMaxMs = 600_000;

function metadataOf(headers: readonly Header[] = []): Metadata {
  const metadata = Metadata();
  for (const { name, value } of headers)
    for (const one of value) {
      if (name.toLowerCase().endsWith('-bin')) metadata.append(name.toLowerCase(), Buffer.from(one, 'base64'));
      else metadata.append(name.toLowerCase(), one);
    }
  return metadata;
}
