import {
  type CryptoKey,
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  type JWTVerifyOptions,
  type JWTVerifyResult,
  jwtVerify,
  type ProtectedHeaderParameters,
} from 'jose';
import { hasNameTwice } from '../../kit/exact-json.ts';
import type { KeySet } from '../../ports/key-set.ts';

/** The unverified content of a token, only to choose the keys that verify it. */
export type UnverifiedToken = { readonly header: ProtectedHeaderParameters; readonly claims: JWTPayload };

/**
 * Reads a compact JWS more strictly than jose: three parts of base64url without padding (jose accepts "==" after a
 * signature), and no duplicate name in header or claims, for which parsers take the first or the last value (RFC 7519,
 * section 4).
 * @throws Error when it is not one
 */
export function readUnverified(token: string): UnverifiedToken {
  const [, header, claims] = /^([\w-]+)\.([\w-]+)\.[\w-]+$/.exec(token) ?? [];
  if (header === undefined || claims === undefined) throw new Error('It is not three parts of base64url.');
  const read = { header: decodeProtectedHeader(token), claims: decodeJwt(token) };
  if (hasNameTwice(textOf(header), read.header) || hasNameTwice(textOf(claims), read.claims)) throw new Error('A name stands twice in it.');
  return read;
}

const textOf = (part: string) => Buffer.from(part, 'base64url').toString('utf8');

/**
 * Verifies a token with the key of its issuer that it names. If its signature fails, the issuer may have replaced the
 * key under the same name, or a key without a name: the token is verified once more if the issuer has another.
 * @throws what jose and the key set throw
 */
export async function verifyByKeySet(token: string, keys: KeySet, options: JWTVerifyOptions): Promise<JWTVerifyResult> {
  let key: CryptoKey | undefined;
  const once = () =>
    jwtVerify(
      token,
      async (header) => {
        key = await keys.keyFor(header, key);
        return key;
      },
      options,
    );
  return once().catch((error: unknown) => {
    if (error instanceof errors.JWSSignatureVerificationFailed) return once();
    throw error;
  });
}
