import type { DecodedBy, MethodDefinition, PartialOf, ServiceDefinition } from '../kit/ts-proto.ts';
import type { Lifetime } from '../ports/call.ts';
import type { Screen } from './define-app.ts';
import type { ScreenContext } from './screen-context.ts';

/** What a stream knows of its call. Deadline, trace and identity go along with its upstreams by themselves. */
export type StreamContext = Pick<ScreenContext, 'caller' | 'signal' | 'metadata' | 'nowMs' | 'publish' | 'invalidate' | 'notify' | 'chat'> & {
  /**
   * How long the stream may go on, and the way to extend it by a new access token. Undefined: nothing but the call
   * itself ends it.
   */
  readonly lifetime: Lifetime | undefined;
};

/**
 * A streaming method as nice-grpc has it: requests are iterated, answers are yielded; beside the context it is given
 * the upstreams.
 */
// biome-ignore lint/suspicious/noExplicitAny: codecs are invariant in their message type, so no narrower type takes every definition
export type StreamFunction<Method extends MethodDefinition<any, any>, Upstreams> = (
  request: Method['requestStream'] extends true ? AsyncIterable<DecodedBy<Method['requestType']>> : DecodedBy<Method['requestType']>,
  context: StreamContext,
  upstreams: Upstreams,
) => Method['responseStream'] extends true ? AsyncIterable<PartialOf<Method['responseType']>> : Promise<PartialOf<Method['responseType']>>;

/** The methods of a service that stream in one direction at least. */
type StreamingName<Service extends ServiceDefinition> = {
  [Name in keyof Service['methods']]: true extends Service['methods'][Name]['requestStream' | 'responseStream'] ? Name : never;
}[keyof Service['methods']] &
  string;

/**
 * Joins a streaming method of a service with the function that answers it. It stands in the app's list beside the
 * screens.
 */
export function stream<Service extends ServiceDefinition, Name extends StreamingName<Service>, Upstreams>(
  service: Service,
  name: Name,
  run: StreamFunction<Service['methods'][Name], Upstreams>,
): Screen<Upstreams> {
  const definition = service.methods[name];
  if (definition === undefined) throw new Error(`${service.fullName} has no method ${name}.`);
  return { method: `${service.fullName}/${definition.name}`, definition, run: run as Screen<Upstreams>['run'] };
}
