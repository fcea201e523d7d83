import { type DescMessage, fromBinary, type Message, type Registry, toBinary, toJson } from '@bufbuild/protobuf';
import { exactJsonText } from '../../core/kit/exact-json.ts';
import { Fault } from '../../core/kit/fault.ts';
import { InexactJson, readJson } from '../../core/kit/json-request.ts';
import type { MethodPlan } from '../../core/kit/method-plan.ts';
import { RequestMessage, unreadable } from '../../core/kit/request-message.ts';
import { inexact } from './request-body-faults.ts';

/** The wire form of messages: protobuf bytes, or JSON. */
export type Codec = {
  readonly name: 'proto' | 'json';
  /**
   * Reads a request.
   * @throws Fault CALL_MALFORMED, REQUEST_TOO_COMPLEX
   */
  read(input: DescMessage, raw: Uint8Array): RequestMessage;
  /**
   * Encodes an answer in this form.
   * @throws Fault UPSTREAM_GARBAGE; Error for values that JSON cannot represent: an Any of an unknown type, a time
   * after the year 9999 (ProtoJSON format)
   */
  write(plan: MethodPlan, bytes: Uint8Array): Uint8Array;
};

export const protoCodec: Codec = {
  name: 'proto',
  read: (input, raw) => new RequestMessage(input, raw),
  write: (_plan, bytes) => bytes,
};

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** @param registry the types that JSON may have in an Any */
export function jsonCodec(registry: Registry): Codec {
  return {
    name: 'json',
    read: (input, raw) => {
      try {
        const message = readJson(input, utf8.decode(raw), registry);
        return new RequestMessage(input, toBinary(input, message), message);
      } catch (cause) {
        if (cause instanceof Fault) throw cause;
        throw cause instanceof InexactJson ? inexact(input, cause) : unreadable(input, cause);
      }
    },
    write: (plan, bytes) => Buffer.from(exactJsonText(toJson(plan.descriptor.output, decode(plan, bytes), { registry }), bytes)),
  };
}

function decode({ descriptor: { output }, forward }: MethodPlan, bytes: Uint8Array): Message {
  try {
    return fromBinary(output, bytes);
  } catch (cause) {
    if (forward === undefined) throw cause;
    const { upstream } = forward;
    throw new Fault('UPSTREAM_GARBAGE', `The internal service ${upstream} answered what cannot be decoded.`, { metadata: { upstream }, cause });
  }
}
