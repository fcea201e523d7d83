import { type DescMessage, fromBinary, type Message, toBinary } from '@bufbuild/protobuf';
import type { CanonicalForm } from '../kit/canonical.ts';
import { Fault } from '../kit/fault.ts';
import { scanned } from '../kit/one-reading.ts';
import type { Decoded } from '../ports/call.ts';

/** Facts that depend on the type of a request alone, computed once. */
export type RequestType = { readonly input: DescMessage; readonly form: CanonicalForm };

/**
 * Computed once, on demand. A class, because an object literal with getters costs each call as much as decoding a small
 * request.
 */
export class DecodedRequest implements NonNullable<Decoded['decoded']> {
  readonly #type: RequestType;
  readonly #bytes: Uint8Array;
  #message: Message | undefined;
  #canonical: Uint8Array | undefined;
  #scan: ReturnType<typeof scanned>;
  constructor(type: RequestType, bytes: Uint8Array) {
    this.#type = type;
    this.#bytes = bytes;
  }
  get message() {
    if (this.#message === undefined) {
      this.#scan = scanned(this.#type.input, this.#bytes, true);
      if (this.#scan === undefined) throw malformed(this.#type.input);
      this.#message = decode(this.#type.input, this.#bytes, false); // nobody reads unknown fields of it, and each costs an object
    }
    return this.#message;
  }
  /** The same message as bytes that every codec reads in the same way. */
  get bytes() {
    if (this.#bytes.length > 0) void this.message;
    return this.#scan?.reading === 'merged' ? toBinary(this.#type.input, this.message, { writeUnknownFields: false }) : this.#bytes;
  }
  get canonical() {
    // decoded separately, because sorting maps modifies them
    this.#canonical ??= this.#bytes.length === 0 ? this.#bytes : this.#type.form(decode(this.#type.input, this.#bytes));
    return this.#canonical;
  }
  get hasUnknownFields() {
    if (this.#bytes.length > 0) void this.message;
    return this.#scan?.unknown === true;
  }
}

function decode(input: DescMessage, bytes: Uint8Array, readUnknownFields = true): Message {
  try {
    return fromBinary(input, bytes, { readUnknownFields });
  } catch (cause) {
    throw malformed(input, cause);
  }
}

function malformed({ typeName }: DescMessage, cause?: unknown): Fault {
  return new Fault('CALL_MALFORMED', `The request is not a ${typeName}: its bytes cannot be decoded.`, { metadata: { type: typeName }, cause });
}
