import { z } from 'zod';
import { duration, file, keysUrl, secret, secretFile, text } from '../value-formats.ts';

/** Accepted algorithms: asymmetric only, so that a public key can never serve as a secret. */
const algorithms = () =>
  z
    .array(z.enum(['ES256', 'ES384', 'EdDSA', 'RS256', 'PS256']))
    .min(1)
    .describe('Accepted signature algorithms.');

/** Separates the users of several issuers: an identity is (iss, sub). */
const userPrefix = () =>
  z
    .string()
    .regex(/^([a-z0-9-]{1,30}:)?$/)
    .meta({ 'x-text': 'lower-case letters, digits and "-" with a colon at the end, such as "corp:", or nothing' })
    .default('')
    .describe('Prefix of `sub` in the user id, such as "corp:"; required with several issuers.');

export const auth = z
  .strictObject({
    issuer: text().default('portico').describe('`iss` of the access tokens that this server issues.'),
    audience: text().default('portico').describe('`aud` of the access tokens that this server issues.'),
    keysDir: file()
      .optional()
      .describe('Folder of signing keys, one PEM file (P-256, PKCS #8) each; the last name signs, all verify. Default in dev: `<dataDir>/keys`.'),
    accessTokenTtl: duration('10s', '1h').prefault('10m').describe('Lifetime of an access token.'),
    sessionIdle: duration('1m', '8760h').prefault('720h').describe('Lifetime of a session without a refresh.'),
    sessionTtl: duration('1m', '8760h').prefault('4320h').describe('Lifetime of a session in total.'),
    sessionKeep: duration('2h', '87600h')
      .prefault('720h')
      .describe(
        'How long the database stores a session after its end. Afterwards its refresh token is refused with REFRESH_TOKEN_INVALID instead of SESSION_REVOKED.',
      ),
    refreshInFlight: duration('1s', '5m')
      .prefault('30s')
      .describe('A refresh token is still taken for so long after the first use of its successor: calls with it may be in flight.'),
    refreshKey: secret(32)
      .optional()
      .meta({ writeOnly: true })
      .describe('Secret from which refresh tokens are derived: at least 32 characters. Dev creates its own.'),
    refreshKeyFile: secretFile('refreshKey'),
    idTokenIssuers: z
      .array(
        z.strictObject({
          issuer: text().describe('`iss` of its ID tokens.'),
          jwksUrl: keysUrl().describe('URL of its public keys.'),
          audiences: z.array(text()).min(1).describe('Client ids of the apps: one of them must be in `aud`.'),
          authorizedParties: z
            .array(text())
            .max(20)
            .default([])
            .describe('Other client ids that `azp` may be. Google signs Android apps in with `aud` of the server and `azp` of the Android client.'),
          algorithms: algorithms().default(['RS256', 'ES256']),
          nonceRequired: z.boolean().default(true).describe('Whether SignIn must send the nonce of the ID token.'),
          userPrefix: userPrefix(),
          scopes: z.array(text()).max(200).optional().describe('Scopes of the sessions. Unset: every scope that a policy names.'),
          claims: z.array(text()).max(20).default([]).describe('Claims of the ID token that access tokens repeat, for policies and rules.'),
        }),
      )
      .max(20)
      .default([])
      .describe('Identity providers whose OIDC ID tokens sign a client in.'),
    externalIssuers: z
      .array(
        z.strictObject({
          issuer: text().describe('`iss` of its access tokens.'),
          jwksUrl: keysUrl().describe('URL of its public keys.'),
          audiences: z.array(text()).min(1).describe('One of them must be in `aud`.'),
          algorithms: algorithms().default(['ES256', 'RS256']),
          typ: text().default('at+jwt').describe('`typ` of the header (RFC 9068).'),
          scopeClaim: text().default('scope').describe('Claim with the scopes: text separated by spaces, or a list.'),
          scopePrefix: z.string().max(100).default('').describe('Scopes with this prefix are accepted, without the prefix; others are dropped.'),
          userPrefix: userPrefix(),
          lifetimeMax: duration('1m', '24h').prefault('1h').describe('Tokens with a longer lifetime are refused.'),
        }),
      )
      .max(20)
      .prefault([])
      .describe('Issuers whose access tokens are accepted without a session.'),
    devScopes: z.array(text()).max(200).optional().describe('Scopes of dev identities. Unset: every scope that a policy names.'),
  })
  .prefault({})
  .describe('Sessions and tokens.');
