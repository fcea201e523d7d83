import type { CryptoKey, JWSHeaderParameters } from 'jose';

/** The public keys of an external issuer. */
export type KeySet = {
  /**
   * The key that a token's header names; without a `kid`, the only one that fits.
   * @param failed a key from here that did not verify the token: another key may have taken its place
   * @throws Fault ISSUER_UNAVAILABLE when no usable set is available, TOKEN_INVALID when the set has no such key, or no
   * other than `failed`
   */
  keyFor(header: JWSHeaderParameters, failed?: CryptoKey): Promise<CryptoKey>;
  /**
   * Identifies the keys that have this name now; of a token without a `kid`, the whole set. A verified token is
   * accepted only while they are the same: a key may leave the set, or another key may take its name.
   * @returns undefined when there is none, or when the set must be fetched again first
   */
  markOf(kid: string | undefined): string | undefined;
};
