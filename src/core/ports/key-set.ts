import type { CryptoKey, JWSHeaderParameters } from 'jose';

/** The public keys of a foreign issuer. */
export type KeySet = {
  /**
   * The key that a token's header names.
   * @throws Fault ISSUER_UNAVAILABLE when no usable set could be had, TOKEN_INVALID when the set has no such key
   */
  keyFor(header: JWSHeaderParameters): Promise<CryptoKey>;
  /**
   * Stands for the key that has this name now. A token that was verified is only good while it is the same: a key may leave the set, or another take its name.
   * @returns undefined when there is none, or when the set is to be asked for anew first
   */
  markOf(kid: string | undefined): string | undefined;
};
