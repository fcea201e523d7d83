import type { JsonWebKey, KeyObject } from 'node:crypto';

/** A key pair of ours: P-256, for ES256. */
export type SigningKey = {
  /** RFC 7638 thumbprint of the public key. */
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
};

/** The keys by which our tokens are signed and known. */
export type SigningKeys = {
  /** The one that signs now. */
  current(): SigningKey;
  /** The one that a token names; undefined: it is not, or no longer, one of ours. */
  find(kid: string): SigningKey | undefined;
  /** Looks for a key that may have been added since; asked often it looks at most once a second. @returns as `find` */
  look(kid: string): Promise<SigningKey | undefined>;
  /** The public halves (RFC 7517), to be published. */
  jwks(): { readonly keys: readonly JsonWebKey[] };
};
