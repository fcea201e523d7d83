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

/** Matches every text with a number that a double may round: 16 digits or more, or an exponent. */
const mayRound = /\d{16}|\d[eE]|\d\.\d{15}/;

/**
 * Parses JSON without rounding: a number that a double does not hold exactly as an integer becomes its text. A caller
 * that expects a double converts it with `Number`.
 * @throws SyntaxError for invalid JSON, and for a duplicate name in an object, for which parsers use the first or the
 * last value (RFC 8259, section 4)
 */
export function parseExactJson(text: string): unknown {
  const value = mayRound.test(text) ? parseWithSource(text, keepText) : JSON.parse(text);
  if (hasNameTwice(text)) throw new SyntaxError('An object has one name twice.');
  return value;
}

function keepText(_key: string, value: unknown, { source }: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || source === undefined) return value;
  return Number.isSafeInteger(value) ? (isPlain(source) ? value : new NumberText(source)) : new NumberText(source);
}

/** Whether a text is digits alone, or has nothing but zeros behind its point. */
function isPlain(source: string): boolean {
  return /^-?\d+(?:\.0+)?$/.test(source);
}

/**
 * @param json valid JSON
 * @throws Fault REQUEST_TOO_COMPLEX for too many fields: names, and objects and lists within lists
 */
export function hasNameTwice(json: string): boolean {
  const open: Set<string>[] = [];
  let fields = 0;
  let isNamed = true; // the next value has a name, which was counted, or is the outermost
  for (const [found, colon] of json.matchAll(/"(?:[^"\\]+|\\.)*"(\s*:)?|[{}[\]]/g)) {
    const opens = found === '{' || found === '[';
    if ((colon !== undefined || (opens && !isNamed)) && ++fields > requestBounds.fields) throw tooComplex('fields');
    isNamed = colon !== undefined;
    if (opens) open.push(new Set());
    else if (found === '}' || found === ']') open.pop();
    else if (colon !== undefined) {
      const name = JSON.parse(found.slice(0, -colon.length)) as string; // "s\u0075b" is "sub"
      const names = open.at(-1);
      if (names?.has(name)) return true;
      names?.add(name);
    }
  }
  return false;
}
