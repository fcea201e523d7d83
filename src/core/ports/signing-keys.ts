import type { JsonWebKey, KeyObject } from 'node:crypto';

/** A key pair of this server: P-256, for ES256. */
export type SigningKey = {
  /** RFC 7638 thumbprint of the public key. */
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
};

/** The keys that sign and verify this server's tokens. */
export type SigningKeys = {
  /** The key that signs now. */
  current(): SigningKey;
  /** The key that a token names; undefined: it is not, or no longer, a key of this server. */
  find(kid: string): SigningKey | undefined;
  /** Looks for a key that may have been added meanwhile, at most once a second. @returns as `find` */
  look(kid: string): Promise<SigningKey | undefined>;
  /** The public keys (RFC 7517), to be published. */
  jwks(): { readonly keys: readonly JsonWebKey[] };
};
