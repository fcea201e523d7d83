import { type DescMessage, fromBinary, type Message, ScalarType, toBinary } from '@bufbuild/protobuf';
import { type Scanned, scanned } from './ambiguous-bytes.ts';
import { type CanonicalForm, canonicalForm, unstableTypes } from './canonical-form.ts';
import { Fault } from './fault.ts';
import { messagesWithin } from './messages-within.ts';

/**
 * One message of a request: scanned when it is made, decoded once and on demand. A class, because an object literal
 * with getters costs each call as much as decoding a small request.
 */
export class RequestMessage {
  readonly #type: DescMessage;
  readonly #scan: Scanned;
  readonly #isEncoded: boolean;
  #message: Message | undefined;
  #canonical: Uint8Array | undefined;
  /** As received; of a JSON request its encoding. */
  readonly bytes: Uint8Array;

  /**
   * @param encoded the message whose encoding `bytes` is
   * @throws Fault CALL_MALFORMED when the bytes are no message at all, REQUEST_TOO_COMPLEX
   */
  constructor(type: DescMessage, bytes: Uint8Array, encoded?: Message) {
    const scan = scanned(type, bytes, true);
    if (scan === undefined) throw unreadable(type);
    this.#type = type;
    this.#scan = scan;
    this.#isEncoded = encoded !== undefined && scan.reading === 'plain';
    this.#message = this.#isEncoded && factsOf(type).isExact ? encoded : undefined;
    this.bytes = bytes;
  }

  /** @throws Fault CALL_MALFORMED when codecs would read different messages */
  get message(): Message {
    if (this.#message === undefined) {
      if (this.#scan.reading === 'ambiguous') throw unreadable(this.#type);
      this.#message = decode(this.#type, this.bytes, false); // nobody reads unknown fields of it, and each costs an object
    }
    return this.#message;
  }

  /**
   * The same message as bytes that every codec reads in the same way.
   * @throws as `message`
   */
  get unambiguous(): Uint8Array {
    if (this.#scan.reading === 'plain') return this.bytes;
    return encode(this.#type, this.message, (message) => toBinary(this.#type, message, { writeUnknownFields: false }));
  }

  /** The canonical encoding of the message, independent of field order, defaults and map order. */
  get canonical(): Uint8Array {
    this.#canonical ??= this.#canonicalBytes();
    return this.#canonical;
  }

  get hasUnknownFields(): boolean {
    return this.#scan.unknown;
  }

  #canonicalBytes(): Uint8Array {
    if (this.bytes.length === 0) return this.bytes;
    const { form, isStable } = factsOf(this.#type);
    if (isStable) return this.#isEncoded ? this.bytes : encode(this.#type, this.message, form);
    return encode(this.#type, decode(this.#type, this.bytes, false), form); // decoded separately, because sorting maps modifies them
  }
}

/** Facts that depend on a type alone, computed once. */
type Facts = {
  readonly form: CanonicalForm;
  /** A message has one encoding. */
  readonly isStable: boolean;
  /** Whether a message is equal to what is decoded from its encoding: a float is encoded with half of its digits. */
  readonly isExact: boolean;
};
const known = new WeakMap<DescMessage, Facts>();

function factsOf(type: DescMessage): Facts {
  const before = known.get(type);
  if (before !== undefined) return before;
  const isExact = ![...messagesWithin(type)].some(({ fields }) => fields.some(({ scalar }) => scalar === ScalarType.FLOAT));
  const facts = { form: canonicalForm(type), isStable: !unstableTypes(type).has(type), isExact };
  known.set(type, facts);
  return facts;
}

function decode(type: DescMessage, bytes: Uint8Array, readUnknownFields: boolean): Message {
  try {
    return fromBinary(type, bytes, { readUnknownFields });
  } catch (cause) {
    throw unreadable(type, cause);
  }
}

/** Some messages can be decoded and not encoded: those of proto2 without a field that it requires. */
function encode(type: DescMessage, message: Message, form: CanonicalForm): Uint8Array {
  try {
    return form(message);
  } catch (cause) {
    throw unreadable(type, cause);
  }
}

/**
 * A request that cannot be decoded. A parser's own text is not passed on, because it quotes values, which may be
 * secrets.
 */
export function unreadable({ typeName }: DescMessage, cause?: unknown): Fault {
  return new Fault('CALL_MALFORMED', `The request is not a ${typeName}: it cannot be decoded.`, { metadata: { type: typeName }, cause });
}
