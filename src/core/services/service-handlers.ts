import { Metadata } from 'nice-grpc-common';
import { readRequest } from '../kit/read-request.ts';
import type { DecodedBy, MethodDefinition, PartialOf, ServiceDefinition } from '../kit/ts-proto.ts';
import type { Handler, ReadyCall } from '../ports/call.ts';

/** The handlers of a service by method. A missing one does not compile. */
export type ServiceMethods<Service extends ServiceDefinition> = {
  readonly [Name in keyof Service['methods']]: (
    request: DecodedBy<Service['methods'][Name]['requestType']>,
    call: ReadyCall,
  ) => Promise<PartialOf<Service['methods'][Name]['responseType']>>;
};

/**
 * The handlers of a core service by full method name, with decoded requests and encoded answers. All methods are unary.
 * @param prepare changes each request before its handler
 */
export function serviceHandlers<Service extends ServiceDefinition>(
  { fullName, methods: definitions }: Service,
  methods: ServiceMethods<Service>,
  prepare: <Request>(request: Request) => Request = (request) => request,
): Readonly<Record<string, Handler>> {
  return Object.fromEntries(
    Object.entries(definitions).map(([name, definition]) => [`${fullName}/${definition.name}`, unary(definition, methods[name] as Answers, prepare)]),
  );
}

type Answers = (request: unknown, call: ReadyCall) => Promise<unknown>;

function unary(
  { name, requestType, requestStream, responseType, responseStream }: MethodDefinition,
  answer: Answers,
  prepare: <R>(request: R) => R,
): Handler {
  if (requestStream || responseStream) throw new Error(`${name} is a stream: it needs a handler of its own.`);
  return async (call) => {
    const message = await answer(prepare(readRequest(requestType, call.requestBytes)), call);
    return { metadata: Metadata(), body: responseType.encode(responseType.fromPartial(message as never)).finish(), trailers: Metadata() };
  };
}
