import type { CryptoKey, JWSHeaderParameters } from 'jose';

/** The public keys of an external issuer. */
export type KeySet = {
  /**
   * The key that a token's header names.
   * @throws Fault ISSUER_UNAVAILABLE when no usable set is available, TOKEN_INVALID when the set has no such key
   */
  keyFor(header: JWSHeaderParameters): Promise<CryptoKey>;
  /**
   * Identifies the key that has this name now. A verified token is accepted only while the key is the same: a key may
   * leave the set, or another key may take its name.
   * @returns undefined when there is none, or when the set must be fetched again first
   */
  markOf(kid: string | undefined): string | undefined;
};
