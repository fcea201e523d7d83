import { type CryptoKey, errors, type JWTVerifyOptions, type JWTVerifyResult, jwtVerify } from 'jose';
import type { KeySet } from '../../ports/key-set.ts';

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
