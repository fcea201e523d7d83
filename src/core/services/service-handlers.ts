import { Metadata } from 'nice-grpc-common';
import { type DecodedBy, type MethodDefinition, type PartialOf, readRequest, type ServiceDefinition } from '../kit/ts-proto.ts';
import type { Handler, ReadyCall } from '../ports/call.ts';

/** The handlers of a service by method. A missing one does not compile. Streams have handlers of their own. */
export type ServiceMethods<Service extends ServiceDefinition> = {
  readonly [Name in keyof Service['methods'] as Service['methods'][Name] extends { requestStream: false; responseStream: false } ? Name : never]: (
    request: DecodedBy<Service['methods'][Name]['requestType']>,
    call: ReadyCall,
  ) => Promise<PartialOf<Service['methods'][Name]['responseType']>>;
};

/**
 * The handlers of a core service by full method name, with decoded requests and encoded answers: of its unary methods.
 * @param prepare changes each request before its handler
 */
export function serviceHandlers<Service extends ServiceDefinition>(
  { fullName, methods: definitions }: Service,
  methods: ServiceMethods<Service>,
  prepare: <Request>(request: Request) => Request = (request) => request,
): Readonly<Record<string, Handler>> {
  return Object.fromEntries(
    Object.entries(methods).map(([name, answer]) => {
      const definition = definitions[name] as MethodDefinition;
      return [`${fullName}/${definition.name}`, unary(definition, answer as Answers, prepare)];
    }),
  );
}

type Answers = (request: unknown, call: ReadyCall) => Promise<unknown>;

function unary({ requestType, responseType }: MethodDefinition, answer: Answers, prepare: <R>(request: R) => R): Handler {
  return async (call) => {
    const message = await answer(prepare(readRequest(requestType, call.requestBytes)), call);
    return { metadata: Metadata(), body: responseType.encode(responseType.fromPartial(message as never)).finish(), trailers: Metadata() };
  };
}
