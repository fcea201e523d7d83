import type { JWTPayload } from 'jose';
import { parseWithSource } from '../../kit/exact-json.ts';
import { Fault } from '../../kit/fault.ts';

/** Canonical decimals, without another spelling of the same number. The number of digits exceeds that of any id. */
const decimals = /^(?:0|-?[1-9]\d{0,63}|-?(?:0|[1-9]\d{0,63})\.\d{0,63}[1-9])$/;

/**
 * Claims as text, for scopes of answers, templates and sessions. A number becomes the exact decimals of the token, not
 * those of a double. An absent claim stays absent.
 * @param payload of `token`
 * @throws Fault of this reason, naming the claim, for lists, objects, booleans, null, and text that no database can
 * store
 */
export function claimValues(
  token: string,
  payload: JWTPayload,
  names: Iterable<string>,
  reason: 'TOKEN_INVALID' | 'IDENTITY_INVALID',
): ReadonlyMap<string, string> {
  const claims = new Map<string, string>();
  for (const name of names) {
    const value = Object.hasOwn(payload, name) ? payload[name] : undefined;
    if (value === undefined) continue;
    const text = typeof value === 'number' ? decimalsOf(token, name) : value;
    if (typeof text !== 'string' || !isText(text))
      throw new Fault(reason, `The token's claim "${name}" is neither text nor a number in plain decimals.`, { metadata: { claim: name } });
    claims.set(name, text);
  }
  return claims;
}

/**
 * Whether every store preserves a text: PostgreSQL has no U+0000, and UTF-8 replaces all lone surrogates by one
 * character.
 */
export function isText(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

/** @returns the number as in the payload; undefined when it has another spelling */
function decimalsOf(token: string, name: string): string | undefined {
  const sources = new Map<unknown, string>();
  const read = parseWithSource(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'), function (key, value, { source }) {
    if (key === name && source !== undefined) sources.set(this, source);
    return value;
  });
  const source = sources.get(read);
  return source !== undefined && decimals.test(source) ? source : undefined;
}
