import { Fault } from './fault.ts';

/** The part of ts-proto's generic definition of a message type that handlers need. */
export type MessageCodec<T> = {
  decode(input: Uint8Array): T;
  encode(message: T): { finish(): Uint8Array };
  fromPartial(object: never): T;
};
/** A ts-proto method definition (`outputServices=generic-definitions`). */
export type MethodDefinition<Request = unknown, Response = unknown> = {
  readonly name: string;
  readonly requestType: MessageCodec<Request>;
  readonly requestStream: boolean;
  readonly responseType: MessageCodec<Response>;
  readonly responseStream: boolean;
};
/** A ts-proto service definition. */
export type ServiceDefinition = {
  readonly name: string;
  readonly fullName: string;
  // biome-ignore lint/suspicious/noExplicitAny: codecs are invariant in their message type, so no narrower type takes every definition
  readonly methods: Readonly<Record<string, MethodDefinition<any, any>>>;
};

/** The message that a codec reads. */
export type DecodedBy<Codec> = Codec extends { decode(input: Uint8Array): infer T } ? T : never;
/** The input of a codec: the fields of a message, each of them optional. */
export type PartialOf<Codec> = Codec extends { fromPartial(object: infer T): unknown } ? T : never;

/**
 * A request as a handler gets it.
 * @throws Fault CALL_MALFORMED for values that its type in TypeScript cannot hold, such as a time after the year 9999
 */
export function readRequest<T>(codec: MessageCodec<T>, bytes: Uint8Array): T {
  try {
    return codec.decode(bytes);
  } catch (cause) {
    throw new Fault('CALL_MALFORMED', 'The request has a value that cannot be decoded.', { cause });
  }
}
