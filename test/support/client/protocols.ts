// One way to call a server in every protocol, HTTP version and kind of call, by Connect's clients, which are none of ours.
import { createFileRegistry, type DescMethod, type DescService, type FileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { type CallOptions, Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { assertConformance, type Details, detailsOf, type OwnReasons } from './conformance.ts';

/** Name, and whether requests and answers travel as JSON. */
export const protocols = ['grpc h2', 'grpc-web h1', 'grpc-web h2', 'connect h1', 'connect h2', 'json h1', 'json h2'] as const;
export type ProtocolName = (typeof protocols)[number];

/** A transport by name. Bidirectional streams need HTTP/2. */
export function transportOf(name: ProtocolName, { url, ca }: { readonly url: string; readonly ca: string }): Transport {
  const [protocol, version] = name.split(' ');
  const options = { baseUrl: url, httpVersion: version === 'h1' ? '1.1' : '2', nodeOptions: { ca } } as const;
  if (protocol === 'grpc') return createGrpcTransport({ baseUrl: url, nodeOptions: { ca } });
  if (protocol === 'grpc-web') return createGrpcWebTransport(options);
  return createConnectTransport({ ...options, useBinaryFormat: protocol === 'connect' });
}

/** The same as `transportOf`, but one for each protocol and server: its connection is used again. */
export function keptTransports(): typeof transportOf {
  const kept = new Map<string, Transport>();
  return (name, server) => {
    const key = `${name} ${server.url}`;
    const transport = kept.get(key) ?? transportOf(name, server);
    kept.set(key, transport);
    return transport;
  };
}

export function registryOf(descriptorSet: Uint8Array): FileRegistry {
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet));
}

/** What a call came to, the same for every protocol. */
export type Outcome = {
  /** Messages as JSON-like objects of protobuf-es. */
  readonly messages: readonly Record<string, unknown>[];
  /** gRPC status code, 0 for OK. */
  readonly code: number;
  readonly message: string;
  /** ErrorInfo.reason, if there is one. */
  readonly reason: string | undefined;
  /** Full type names of the details. */
  readonly details: readonly string[];
  /** The details themselves, for errors. */
  readonly decoded: Details | undefined;
  readonly headers: Headers;
  readonly trailers: Headers;
};

export type Options = CallOptions & {
  /** The status is expected to be the upstream's own, which passes untouched: it is not held against our rules. */
  readonly foreign?: boolean;
  /** The app's reasons beside core's. */
  readonly reasons?: OwnReasons;
  /** Of streams: called with each message. */
  readonly onMessage?: () => void;
};

/**
 * Calls any method of any kind, and holds each error of the server against `assertConformance`.
 * @param method "fixture.v1.ScreenService/Echo"
 * @param requests one for unary and server streams
 */
export async function callOf(
  registry: FileRegistry,
  transport: Transport,
  method: string,
  requests: Readonly<Record<string, unknown>> | readonly Readonly<Record<string, unknown>>[],
  { foreign = false, reasons = {}, onMessage = () => {}, ...options }: Options = {},
): Promise<Outcome> {
  const [serviceName = '', methodName = ''] = method.split('/');
  const service = registry.getService(serviceName) as DescService;
  const found = service.methods.find(({ name }) => name === methodName) as DescMethod;
  const client = createClient(service, transport) as unknown as Record<string, (request: unknown, options: CallOptions) => unknown>;
  let headers = new Headers();
  let trailers = new Headers();
  const messages: Record<string, unknown>[] = [];
  const seen: CallOptions = {
    ...options,
    onHeader: (received) => {
      headers = received;
    },
    onTrailer: (received) => {
      trailers = received;
    },
  };
  const list = Array.isArray(requests) ? requests : [requests];
  async function* each() {
    yield* list;
  }
  try {
    const streams = found.methodKind === 'client_streaming' || found.methodKind === 'bidi_streaming';
    const answered = client[found.localName]?.(streams ? each() : list[0], seen);
    if (found.methodKind === 'unary' || found.methodKind === 'client_streaming') messages.push((await answered) as Record<string, unknown>);
    else
      for await (const message of answered as AsyncIterable<Record<string, unknown>>) {
        messages.push(message);
        onMessage();
      }
    return { messages, code: 0, message: '', reason: undefined, details: [], decoded: undefined, headers, trailers };
  } catch (error) {
    const failed = ConnectError.from(error, Code.Unknown);
    const decoded = detailsOf(failed);
    const ownEnd = options.signal?.aborted || (options.timeoutMs !== undefined && failed.code === Code.DeadlineExceeded);
    if (!foreign && !(ownEnd && failed.details.length === 0)) assertConformance(failed.code, failed.rawMessage, decoded, reasons);
    return {
      messages,
      code: failed.code,
      message: failed.rawMessage,
      reason: decoded.info?.reason,
      details: decoded.types,
      decoded,
      headers: headers.has('portico-trace-id') ? headers : failed.metadata,
      trailers: failed.metadata,
    };
  }
}

/** ErrorInfo.reason of an error's details. */
export function reasonOf(error: ConnectError): string | undefined {
  return detailsOf(error).info?.reason;
}

/** Signs a dev identity in. @returns what SignIn answered */
export async function signIn(
  { url, ca }: { readonly url: string; readonly ca: string },
  registry: FileRegistry,
  user: string,
  scopes: readonly string[] = [],
): Promise<{
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly sessionId: string;
  readonly headers: { readonly authorization: string };
}> {
  const outcome = await callOf(registry, transportOf('connect h2', { url, ca }), 'portico.v1.SessionService/SignIn', {
    identity: { case: 'dev', value: { user, scopes: [...scopes] } },
    device: { platform: 'ios', name: 'a test' },
  });
  if (outcome.code !== 0) throw new Error(`SignIn of ${user} failed: ${outcome.reason} ${outcome.message}`);
  const { accessToken, refreshToken, sessionId } = outcome.messages[0] as { accessToken: string; refreshToken: string; sessionId: string };
  return { accessToken, refreshToken, sessionId, headers: { authorization: `Bearer ${accessToken}` } };
}
