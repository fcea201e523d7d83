import type { Problem } from './settings-error.ts';

type At = (key: string) => unknown;

/** Production has no defaults for its engines, its keys and the certificate for clients. */
const needs = {
  'sql.url': {
    isThere: (at: At) => at('sql.url') !== undefined || at('sql.urlFile') !== undefined || at('embedded') === true,
    message: 'is needed: DATABASE_URL or DATABASE_URL_FILE, or `embedded: true` for one process with a database of its own.',
  },
  'auth.keysDir': {
    isThere: (at: At) => at('auth.keysDir') !== undefined,
    message: 'is needed: a folder of signing keys, each a PEM file with a P-256 private key.',
  },
  'auth.refreshKey': {
    isThere: (at: At) => at('auth.refreshKey') !== undefined || at('auth.refreshKeyFile') !== undefined,
    message: 'is needed: a secret of at least 32 characters, or `auth.refreshKeyFile` with a file that holds it.',
  },
  'public.tls': {
    isThere: (at: At) => at('public.tls') !== undefined || at('public.plaintext') === true,
    message: 'is needed: certFile and keyFile, or `public.plaintext: true` behind a proxy that ends TLS.',
  },
  'internal.tls': {
    isThere: (at: At) => at('internal.tls') !== undefined || at('public.tls') !== undefined,
    message: 'is needed: certFile and keyFile; the internal listener always speaks TLS.',
  },
} as const;

/** The settings without a default in `serve`, each by the key that is reported when it is missing. */
export type Need = keyof typeof needs;
export const everyNeed = ['sql.url', 'auth.keysDir', 'auth.refreshKey', 'public.tls', 'internal.tls'] as const satisfies readonly Need[];

/** @returns an error for each of them that has no value, and for settings that are only for `dev` */
export function missingToServe(needed: readonly Need[], at: At): readonly Omit<Problem, 'origin'>[] {
  const missing = needed.filter((key) => !needs[key].isThere(at)).map((key) => ({ key, message: needs[key].message }));
  return at('sample') === true ? [...missing, { key: 'sample', message: 'is for `portico dev` only.' }] : missing;
}
