import { type DescMessage, fromBinary, type Message, toBinary } from '@bufbuild/protobuf';
import { type ReflectMessage, reflect } from '@bufbuild/protobuf/reflect';
import { type CanonicalForm, canonicalForm } from '../kit/canonical.ts';
import { Fault } from '../kit/fault.ts';
import { type Reading, readingOf } from '../kit/one-reading.ts';
import type { Decoded } from '../ports/call.ts';

/** What hangs on the type of a request alone, worked out once. */
export type RequestType = { readonly input: DescMessage; readonly form: CanonicalForm; readonly read: (bytes: Uint8Array) => Reading };

export function requestType(input: DescMessage): RequestType {
  return { input, form: canonicalForm(input), read: readingOf(input) };
}

/** Computed when asked for, once. A class, because an object literal with getters costs each call as much as decoding a small request. */
export class DecodedRequest implements NonNullable<Decoded['decoded']> {
  readonly #type: RequestType;
  readonly #bytes: Uint8Array;
  #message: Message | undefined;
  #canonical: Uint8Array | undefined;
  #merged = false;
  constructor(type: RequestType, bytes: Uint8Array) {
    this.#type = type;
    this.#bytes = bytes;
  }
  get message() {
    if (this.#message === undefined) {
      const reading = this.#type.read(this.#bytes);
      if (reading === 'malformed') throw malformed(this.#type.input);
      this.#merged = reading === 'merged';
      this.#message = decode(this.#type.input, this.#bytes);
    }
    return this.#message;
  }
  /** The same message, as bytes that every codec reads alike. */
  get bytes() {
    if (this.#bytes.length > 0) void this.message;
    return this.#merged ? toBinary(this.#type.input, this.message, { writeUnknownFields: false }) : this.#bytes;
  }
  get canonical() {
    // decoded apart: putting maps in order changes them
    this.#canonical ??= this.#bytes.length === 0 ? this.#bytes : this.#type.form(decode(this.#type.input, this.#bytes));
    return this.#canonical;
  }
  get hasUnknownFields() {
    return this.#bytes.length > 0 && hasUnknownFields(reflect(this.#type.input, this.message));
  }
}

function decode(input: DescMessage, bytes: Uint8Array): Message {
  try {
    return fromBinary(input, bytes);
  } catch (cause) {
    throw malformed(input, cause);
  }
}

function malformed({ typeName }: DescMessage, cause?: unknown): Fault {
  return new Fault('CALL_MALFORMED', `The request is not a ${typeName}: its bytes cannot be decoded.`, { metadata: { type: typeName }, cause });
}

function hasUnknownFields(message: ReflectMessage): boolean {
  if ((message.getUnknown()?.length ?? 0) > 0) return true;
  return message.fields.some((field) => {
    if (!message.isSet(field)) return false;
    if (field.fieldKind === 'message') return hasUnknownFields(message.get(field));
    if (field.fieldKind === 'list' && field.listKind === 'message')
      return [...message.get(field)].some((item) => hasUnknownFields(item as ReflectMessage));
    if (field.fieldKind === 'map' && field.mapKind === 'message')
      return [...message.get(field).values()].some((item) => hasUnknownFields(item as ReflectMessage));
    return false;
  });
}
