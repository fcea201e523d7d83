// The token check of the servers to compare with: the signature once, then remembered, as one would write it by hand.
import { createLocalJWKSet, jwtVerify } from 'jose';
import { given } from './common.ts';

const jwks = createLocalJWKSet(given.jwks() as Parameters<typeof createLocalJWKSet>[0]);
const verified = new Map<string, { readonly sub: string; readonly expMs: number }>();

/** @returns the user of an `authorization` header; undefined: it has no valid token */
export async function userOf(header: string | null | undefined): Promise<string | undefined> {
  const token = header?.match(/^bearer +(\S+)$/i)?.[1] ?? '';
  const known = verified.get(token);
  if (known !== undefined && known.expMs > Date.now()) return known.sub;
  try {
    const { payload } = await jwtVerify(token, jwks, { algorithms: ['ES256'], requiredClaims: ['sub', 'exp'] });
    verified.set(token, { sub: String(payload.sub), expMs: Number(payload.exp) * 1_000 });
    return String(payload.sub);
  } catch {
    return undefined;
  }
}
