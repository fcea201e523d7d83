import type { StatusName } from '../kit/reasons.ts';
import type { DecodedBy, MethodDefinition, PartialOf, ServiceDefinition } from '../kit/ts-proto.ts';
import type { ScreenContext } from './screen-context.ts';

/** A service as screens and streams call it: each message is what `fromPartial` takes, and streams are iterated. */
export type UpstreamClient<Service extends ServiceDefinition> = { readonly [M in keyof Service['methods']]: UpstreamMethod<Service['methods'][M]> };
type UpstreamMethod<Method extends MethodDefinition> = (
  request: Method['requestStream'] extends true ? AsyncIterable<PartialOf<Method['requestType']>> : PartialOf<Method['requestType']>,
) => Method['responseStream'] extends true ? AsyncIterable<DecodedBy<Method['responseType']>> : Promise<DecodedBy<Method['responseType']>>;
/** The clients of a screen, by the names of the upstreams. */
export type Clients<Services extends Readonly<Record<string, ServiceDefinition>>> = {
  readonly [Name in keyof Services]: UpstreamClient<Services[Name]>;
};

/** A screen: what makes the answer of one public unary method; or a stream that is written by hand. */
export type Screen<Upstreams> = {
  /** "app.v1.HomeService/GetHome" */
  readonly method: string;
  // biome-ignore lint/suspicious/noExplicitAny: screens of all types stand in one list; `screen` has checked the function against its method
  readonly definition: MethodDefinition<any, any>;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  readonly run: (request: any, context: any, upstreams: Upstreams) => any;
};

/** Joins a method of a service with the function that answers it. */
export function screen<Service extends ServiceDefinition, Name extends keyof Service['methods'] & string, Upstreams>(
  service: Service,
  name: Name,
  run: (
    request: DecodedBy<Service['methods'][Name]['requestType']>,
    context: ScreenContext,
    upstreams: Upstreams,
  ) => Promise<PartialOf<Service['methods'][Name]['responseType']>>,
): Screen<Upstreams> {
  const definition = service.methods[name];
  if (definition === undefined) throw new Error(`${service.fullName} has no method ${name}.`);
  return { method: `${service.fullName}/${definition.name}`, definition, run };
}

/** A company's own part of the server: screens and streams, the internal services they use, reasons and texts. */
export type App = {
  /** By the name of the upstream in the configuration. */
  readonly upstreams: Readonly<Record<string, ServiceDefinition>>;
  readonly screens: readonly Screen<never>[];
  readonly reasons: Readonly<Record<string, StatusName>>;
  /** By locale: texts for people by reason. */
  readonly messages: Readonly<Record<string, Readonly<Record<string, string>>>>;
};

/** Checks that each screen uses only upstreams that are there. */
export function defineApp<Services extends Readonly<Record<string, ServiceDefinition>>>(app: {
  readonly upstreams: Services;
  readonly screens: readonly Screen<Clients<Services>>[];
  readonly reasons?: App['reasons'];
  readonly messages?: App['messages'];
}): App {
  return { reasons: {}, messages: {}, ...app, screens: app.screens as readonly Screen<never>[] };
}
