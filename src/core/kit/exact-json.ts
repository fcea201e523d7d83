import { requestBounds, tooComplex } from './request-complexity.ts';

/** Text of a number that a double may not hold exactly: an integer beyond 2^53, or with a fraction or an exponent. */
export class NumberText {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
}

/** ECMAScript proposal "JSON.parse source text access", in V8 since 11.4. */
export const parseWithSource = JSON.parse as (
  text: string,
  reviver: (this: unknown, key: string, value: unknown, context: { readonly source?: string }) => unknown,
) => unknown;

/**
 * Matches every text with a number that a double may round, if only to an integer: 16 digits or more, some of them
 * behind a point or all before it, or an exponent. A double holds any 15 digits (C, "DBL_DIG").
 */
const mayRound = /\d[\d.]{15}|\d[eE]/;

/** Matches every text with an escape that may be half of a surrogate pair. */
const mayBeHalf = /\\u[dD][89a-fA-F]/;
/** The escapes of a text from the left, so that an escaped backslash is one; half of a pair is in the group. */
const escapes = /\\ud[89ab]..\\ud[c-f]|(\\ud[89a-f])|\\./gi;

/**
 * Parses JSON without rounding: a number that a double does not hold exactly as an integer becomes its text. A caller
 * that expects a double converts it with `Number`.
 * @throws SyntaxError for invalid JSON, for a duplicate name in an object, for which parsers use the first or the last
 * value (RFC 8259, section 4), and for half of a surrogate pair, for which there is no UTF-8 (section 8.2)
 */
export function parseExactJson(text: string): unknown {
  const value = mayRound.test(text) ? parseWithSource(text, keepText) : JSON.parse(text);
  if (hasNameTwice(text, value)) throw new SyntaxError('An object has one name twice.');
  if (mayBeHalf.test(text) && hasHalf(text)) throw new SyntaxError('A text has half of a surrogate pair.');
  return value;
}

function hasHalf(text: string): boolean {
  for (const [, half] of text.matchAll(escapes)) if (half !== undefined) return true;
  return false;
}

function keepText(_key: string, value: unknown, { source }: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || source === undefined) return value;
  return Number.isSafeInteger(value) ? (isPlain(source) ? value : new NumberText(source)) : new NumberText(source);
}

/** Whether a text is digits alone, or has nothing but zeros behind its point. */
function isPlain(source: string): boolean {
  return /^-?\d+(?:\.0+)?$/.test(source);
}

/** The end of -0 in protobuf, as a float and as a double. */
const minusZero = Buffer.from([0, 0, 0, 0x80]);
/** ECMAScript proposal "JSON.parse source text access", as above. */
const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => object };

/**
 * Writes the JSON of a message with the sign of -0, which JSON.stringify drops.
 * @param encoded the message itself: only where it may have such a value is each value examined, which costs ten times
 * as much
 */
export function exactJsonText(json: unknown, encoded: Uint8Array): string {
  if (!Buffer.from(encoded.buffer, encoded.byteOffset, encoded.byteLength).includes(minusZero)) return JSON.stringify(json);
  return JSON.stringify(json, (_name, value) => (Object.is(value, -0) ? rawJSON('-0') : value));
}

/**
 * Compares the names that are written with those that were read: of one that occurs twice in an object a parser keeps
 * one.
 * @param json valid JSON
 * @throws Fault REQUEST_TOO_COMPLEX for too many fields: names, and objects and lists within lists
 */
export function hasNameTwice(json: string, value: unknown = JSON.parse(json)): boolean {
  return namesWritten(json) !== namesRead(value);
}

const [quote, comma, colon, openBracket, closeBracket, openBrace, closeBrace, backslash] = Array.from('",:[]{}\\', (char) => char.charCodeAt(0));

function namesWritten(json: string): number {
  let names = 0;
  let fields = 0;
  let isNamed = true; // the next value has a name, which was counted, or is the outermost
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code === quote) at = endOfText(json, at);
    else if (code === colon) {
      names++;
      isNamed = true;
      fields++;
    } else if (code === openBrace || code === openBracket) {
      if (!isNamed) fields++;
      isNamed = false;
    } else if (code === comma || code === closeBrace || code === closeBracket) isNamed = false;
    if (fields > requestBounds.fields) throw tooComplex('fields');
  }
  return names;
}

/** The index of the quote that ends the text. */
function endOfText(json: string, start: number): number {
  for (let at = start; ; ) {
    at = json.indexOf('"', at + 1);
    let before = at;
    while (json.charCodeAt(before - 1) === backslash) before--;
    if ((at - before) % 2 === 0) return at;
  }
}

function namesRead(value: unknown): number {
  let names = 0;
  const open = [value]; // recursion would end at a depth that the parser reads
  while (open.length > 0) {
    const one = open.pop();
    if (Array.isArray(one)) {
      for (const item of one) if (typeof item === 'object') open.push(item);
    } else if (typeof one === 'object' && one !== null && !(one instanceof NumberText))
      for (const name in one) {
        names++;
        const inner = (one as Record<string, unknown>)[name];
        if (typeof inner === 'object') open.push(inner);
      }
  }
  return names;
}
