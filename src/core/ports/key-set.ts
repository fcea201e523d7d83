import type { CryptoKey, JWSHeaderParameters } from 'jose';

/** The public keys of a foreign issuer. */
export type KeySet = {
  /**
   * The key that a token's header names.
   * @throws Fault ISSUER_UNAVAILABLE when no usable set could be had, TOKEN_INVALID when the set has no such key
   */
  keyFor(header: JWSHeaderParameters): Promise<CryptoKey>;
  /** Whether the set still has the key: a token that was verified by one that has left is no longer good. */
  has(kid: string | undefined): boolean;
};
