import { decodeJwt, decodeProtectedHeader, type JWTPayload, type ProtectedHeaderParameters } from 'jose';

/** What a token says of itself before anything is proven: only to choose by which keys it is. */
export type Unproven = { readonly header: ProtectedHeaderParameters; readonly claims: JWTPayload };

/**
 * Reads a compact JWS more strictly than jose does: three parts of base64url without padding (jose takes "==" after a signature), and no name twice in header or claims, of which
 * parsers take one or the other (RFC 7519, section 4).
 * @throws Error when it is none
 */
export function readUnproven(token: string): Unproven {
  const [, header, claims] = /^([\w-]+)\.([\w-]+)\.[\w-]+$/.exec(token) ?? [];
  if (header === undefined || claims === undefined) throw new Error('It is not three parts of base64url.');
  const read = { header: decodeProtectedHeader(token), claims: decodeJwt(token) };
  if (hasNameTwice(textOf(header)) || hasNameTwice(textOf(claims))) throw new Error('A name stands twice in it.');
  return read;
}

const textOf = (part: string) => Buffer.from(part, 'base64url').toString('utf8');

/** @param json valid JSON */
export function hasNameTwice(json: string): boolean {
  const open: Set<string>[] = [];
  for (const [found, colon] of json.matchAll(/"(?:[^"\\]|\\.)*"(\s*:)?|[{}[\]]/g)) {
    if (found === '{' || found === '[') open.push(new Set());
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
