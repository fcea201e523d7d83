import { z } from 'zod';
import { duration, file, secret, secretFile, text, url } from './values.ts';

/** What may sign: asymmetric only, so that a public key can never serve as a secret. */
const algorithms = () =>
  z
    .array(z.enum(['ES256', 'ES384', 'EdDSA', 'RS256', 'PS256']))
    .min(1)
    .describe('Signature algorithms that are accepted.');

/** Keeps the users of several issuers apart: identity is (iss, sub). */
const userPrefix = () =>
  z
    .string()
    .regex(/^([a-z0-9-]{1,30}:)?$/)
    .meta({ 'x-text': 'lower-case letters, digits and "-" with a colon at the end, such as "corp:", or nothing' })
    .default('')
    .describe('Set before `sub` to make the user id, such as "corp:"; needed where there are several issuers.');

export const auth = z
  .strictObject({
    issuer: text().default('portico').describe('`iss` of our access tokens.'),
    audience: text().default('portico').describe('`aud` of our access tokens.'),
    keysDir: file()
      .optional()
      .describe('Folder of signing keys, one PEM file (P-256, PKCS #8) each; the newest name signs, all verify. Default in dev: `<dataDir>/keys`.'),
    accessTokenTtl: duration('10s', '1h').prefault('10m').describe('How long an access token lives.'),
    sessionIdle: duration('1m', '8760h').prefault('720h').describe('How long a session lives without a refresh.'),
    sessionTtl: duration('1m', '8760h').prefault('4320h').describe('How long a session lives at all.'),
    sessionKeep: duration('2h', '87600h')
      .prefault('720h')
      .describe('How long a session is kept in the database after its end; then its refresh token is told to be invalid instead of ended.'),
    refreshKey: secret(32)
      .optional()
      .meta({ writeOnly: true })
      .describe('Secret that refresh tokens are derived by: at least 32 characters. Dev makes its own.'),
    refreshKeyFile: secretFile('refreshKey'),
    idTokenIssuers: z
      .array(
        z.strictObject({
          issuer: text().describe('`iss` of its ID tokens.'),
          jwksUrl: url().describe('Where its public keys are.'),
          audiences: z.array(text()).min(1).describe('Client ids of the apps: one of them must be in `aud`.'),
          algorithms: algorithms().default(['RS256', 'ES256']),
          nonceRequired: z.boolean().default(true).describe('Whether SignIn must carry the nonce of the ID token.'),
          userPrefix: userPrefix(),
          scopes: z.array(text()).max(200).optional().describe('Scopes of the sessions. Unset: every scope that a policy names.'),
          claims: z.array(text()).max(20).default([]).describe('Claims of the ID token that our access tokens repeat, for policies.'),
        }),
      )
      .max(20)
      .default([])
      .describe('Identity providers whose OIDC ID tokens sign a client in.'),
    externalIssuers: z
      .array(
        z.strictObject({
          issuer: text().describe('`iss` of its access tokens.'),
          jwksUrl: url().describe('Where its public keys are.'),
          audiences: z.array(text()).min(1).describe('One of them must be in `aud`.'),
          algorithms: algorithms().default(['ES256', 'RS256']),
          typ: text().default('at+jwt').describe('`typ` of the header (RFC 9068).'),
          scopeClaim: text().default('scope').describe('Claim with the scopes: text parted by spaces, or a list.'),
          scopePrefix: z.string().max(100).default('').describe('Scopes that begin with it count, without it; others are dropped.'),
          userPrefix: userPrefix(),
          lifetimeMax: duration('1m', '24h').prefault('1h').describe('Tokens that live longer are refused.'),
        }),
      )
      .max(20)
      .default([])
      .describe('Issuers whose access tokens are accepted as they are.'),
    devScopes: z.array(text()).max(200).optional().describe('Scopes of dev identities. Unset: every scope that a policy names.'),
  })
  .prefault({})
  .describe('Sessions and tokens.');
