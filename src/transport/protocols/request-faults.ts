import type { DescMessage } from '@bufbuild/protobuf';
import { Fault } from '../../core/kit/fault.ts';
import type { InexactJson } from '../../core/kit/json-request.ts';

/** Errors in the bytes of a request, with the same texts in every protocol. */
export function tooLarge(bytesMax: number): Fault {
  return new Fault('REQUEST_TOO_LARGE', `The request is larger than ${bytesMax} bytes.`, { metadata: { bytesMax: String(bytesMax) } });
}

export function cutShort(): Fault {
  return new Fault('CALL_MALFORMED', 'The request ends inside a message.');
}

/** gRPC's status codes: "Request cardinality violation". @param found what was received instead of one message */
export function notOne(found: 'none' | 'several'): Fault {
  return new Fault('REQUEST_NOT_ONE', `The method takes one message, and ${found === 'none' ? 'none came' : 'several came'}.`, {
    metadata: { found },
  });
}

/** A field of a JSON request that cannot be held exactly. */
export function inexact({ typeName }: DescMessage, { field, message }: InexactJson): Fault {
  return new Fault('CALL_MALFORMED', `The request is not a ${typeName}: ${message}.`, { metadata: { type: typeName, field } });
}

export function cancelled(): Fault {
  return new Fault('CALL_CANCELLED', 'The client cancelled the call.');
}
