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

export function flagsUnknown(flags: number): Fault {
  return new Fault('CALL_MALFORMED', `A message has the flags ${flags}: 0 and 1 are known.`, { metadata: { flags: String(flags) } });
}

/** @param accepted the encodings that are known, as in a header */
export function encodingUnknown(header: string, accepted: string): Fault {
  const encoding = header.slice(0, 40);
  return new Fault('ENCODING_UNKNOWN', `Requests compressed by "${encoding}" are not understood: ${accepted} are.`, { metadata: { encoding } });
}

/** gRPC's compression.md, "Compression Method Asymmetry Between Peers": INTERNAL. */
export function encodingMissing(): Fault {
  return new Fault('ENCODING_MISSING', 'A message is marked as compressed, and no header says how.');
}

export function notCompressed(encoding: string, cause: unknown): Fault {
  return new Fault('CALL_MALFORMED', `The request is not ${encoding}: it cannot be decompressed.`, { metadata: { encoding }, cause });
}

/** A field of a JSON request that cannot be held exactly. */
export function inexact({ typeName }: DescMessage, { field, message }: InexactJson): Fault {
  return new Fault('CALL_MALFORMED', `The request is not a ${typeName}: ${message}.`, { metadata: { type: typeName, field } });
}

export function cancelled(): Fault {
  return new Fault('CALL_CANCELLED', 'The client cancelled the call.');
}
