import { z } from 'zod';
import { parseDurationMs } from '../core/kit/duration.ts';

/** A duration like "800ms", "30s", "5m", "1h"; milliseconds once loaded. Its format is not JSON Schema's own `duration`, which is ISO 8601's "PT30S". */
function duration(least: string, most: string) {
  const [minMs = 0, maxMs = 0] = [parseDurationMs(least), parseDurationMs(most)];
  return z
    .string()
    .regex(/^\d{1,9}(\.\d{1,3})?(ms|s|m|h)$/)
    .meta({ format: 'short-duration', 'x-least': least, 'x-most': most })
    .transform((text) => parseDurationMs(text) ?? Number.NaN)
    .refine((ms) => ms >= minMs && ms <= maxMs);
}

const port = (usual: number, what: string) => z.int().min(0).max(65_535).default(usual).describe(`${what}; 0 takes a free one.`);
/** What upstreams and internal services are called. */
const name = () =>
  z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,62}$/)
    .meta({ 'x-text': 'a name of lower-case letters, digits and "-", such as "orders"' });
const text = () => z.string().min(1).max(4_096);
const file = () => text().meta({ format: 'path' });
const url = () => z.url({ protocol: /^https?$/ }).meta({ 'x-example': 'https://id.example.com/jwks.json' });
/** Never printed; may also be given as `<key>File` and `<NAME>_FILE`. */
const secret = (least: number) => z.string().min(least).max(65_536);
const secretFile = (key: string) => file().optional().describe(`A file that holds \`${key}\`; a line break at its end is cut off.`);

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

const publicListener = z
  .strictObject({
    host: text().optional().describe('Address to listen on. Default: 127.0.0.1 in dev, :: in serve.'),
    port: port(8443, 'Public TCP port'),
    tls: z
      .strictObject({
        certFile: file().describe('PEM file of the certificate and its chain. Read again when it changes.'),
        keyFile: file().describe("PEM file of the certificate's private key."),
      })
      .optional()
      .describe('The certificate that phones see. In dev, unset: made by an authority of its own in `<dataDir>/tls`.'),
    plaintext: z.boolean().default(false).describe('Speak plain HTTP/2 and HTTP/1.1, behind a proxy that ends TLS.'),
    corsOrigins: z.array(text()).max(100).default([]).describe('Origins whose web pages may call, such as "https://app.example.com".'),
    timers: z
      .strictObject({
        handshake: duration('100ms', '2m').prefault('10s').describe('The longest a TLS handshake may take.'),
        preface: duration('100ms', '2m')
          .prefault('10s')
          .describe('The longest a new connection may stay without a first word, and the headers of an HTTP/1.1 request may take.'),
        request: duration('100ms', '1h')
          .prefault('30s')
          .describe('The longest a request of one message may take to come. Streams of requests may be longer.'),
        idle: duration('1s', '1h').prefault('5m').describe('A connection without calls is closed after this long; sooner than balancers drop it.'),
      })
      .prefault({})
      .describe('How long connections may take.'),
  })
  .prefault({})
  .describe('The listener for phones.');

const internalListener = z
  .strictObject({
    host: text().optional().describe('Address to listen on. Default: 127.0.0.1 in dev, :: in serve.'),
    port: port(8444, 'TCP port for internal services'),
    tls: z
      .strictObject({
        certFile: file().describe('PEM file of the certificate and its chain.'),
        keyFile: file().describe("PEM file of the certificate's private key."),
        clientCaFile: file().optional().describe('PEM file of the authorities whose client certificates are accepted. Unset: service tokens only.'),
      })
      .optional()
      .describe('Unset: the certificate of the public listener, and service tokens only.'),
    services: z
      .record(text(), name())
      .default({})
      .describe('Which client certificate is which service: a subject alternative name such as "DNS:orders.internal" to a name such as "orders".'),
  })
  .prefault({})
  .describe('The listener for internal services.');

const auth = z
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
      .describe('Identity providers whose OIDC ID tokens sign a phone in.'),
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

const upstream = z.strictObject({
  address: text()
    .meta({ 'x-text': 'an address such as "orders.internal:9000"' })
    .describe('"host:port", re-resolved by polling, or several: "ipv4:10.0.0.1:9000,10.0.0.2:9000".'),
  tls: z
    .strictObject({
      caFile: file().optional().describe("PEM file of the authorities. Unset: the system's."),
      certFile: file().optional().describe('PEM file of our client certificate.'),
      keyFile: file().optional().describe('PEM file of its private key.'),
      serverName: text().optional().describe('The name in the certificate where it is not that of the address.'),
    })
    .optional()
    .describe('Unset: plain text. `{}`: TLS with the authorities of the system.'),
  deadline: duration('1ms', '1h').prefault('5s').describe('The longest one call may take.'),
  attemptsMax: z.int().min(1).max(5).default(3).describe('All attempts of an idempotent call, the first included.'),
  audience: text().optional().describe("`aud` of the internal token. Default: the upstream's name."),
});

/** "redis.internal:6379", "10.0.0.7:6379", "[fd00::7]:6379". */
const hostAndPort = () =>
  z
    .string()
    .max(300)
    .regex(/^(\[[0-9a-fA-F:.]+\]|[^\s:/@[\]]+):\d{1,5}$/)
    .meta({ format: 'host-and-port' });

const redis = z
  .strictObject({
    mode: z.enum(['single', 'sentinel', 'cluster']).default('single').describe('One Redis; the primary that Sentinels name; or a Redis Cluster.'),
    url: z
      .url({ protocol: /^rediss?$/ })
      .optional()
      .meta({ writeOnly: true, 'x-example': 'rediss://user:password@host:6379' })
      .describe('A single Redis, as "redis://user:password@host:6379", with TLS "rediss://…".'),
    urlFile: secretFile('url'),
    nodes: z
      .array(hostAndPort())
      .max(100)
      .default([])
      .describe(
        'Where it is: the one Redis; the Sentinels; or some nodes of the Cluster, which name the others. Unset, and no `url`: everything in memory, one replica only.',
      ),
    masterName: text().optional().describe('The name that the Sentinels know the primary by.'),
    username: text().optional().describe('The ACL user of Redis. Unset: `default`.'),
    password: secret(1).optional().meta({ writeOnly: true }).describe('Its password.'),
    passwordFile: secretFile('password'),
    sentinelUsername: text().optional().describe('The ACL user of the Sentinels.'),
    sentinelPassword: secret(1).optional().meta({ writeOnly: true }).describe('Its password.'),
    sentinelPasswordFile: secretFile('sentinelPassword'),
    tls: z
      .strictObject({
        caFile: file().optional().describe("PEM file of the authorities. Unset: the system's."),
        certFile: file().optional().describe('PEM file of our client certificate.'),
        keyFile: file().optional().describe('PEM file of its private key.'),
        serverName: text().optional().describe('The name in the certificate where it is not that of the address.'),
      })
      .optional()
      .describe('Unset: plain text. `{}`: TLS with the authorities of the system. Sentinels are spoken to alike.'),
    prefix: z
      .string()
      .max(64)
      .regex(/^[!-z|~]*$/)
      .default('portico:')
      .describe('What every key and channel begins with: another one for each installation that shares a Redis.'),
  })
  .prefault({})
  .describe('What replicas share: tag versions, remembered answers, news.');

/** What can be set: the one source of the file, the environment, the JSON schema and docs/reference/configuration.md. */
export const settingsSchema = z.strictObject({
  public: publicListener,
  internal: internalListener,
  admin: z
    .strictObject({
      host: text().optional().describe('Address to listen on. Default: 127.0.0.1 in dev, :: in serve.'),
      port: port(8445, 'TCP port of probes and metrics, plain HTTP'),
    })
    .prefault({})
    .describe('The listener for those who run the server.'),
  dataDir: file().default('./.portico').describe('What is kept on disk: certificates and keys of dev, the embedded database.'),
  embedded: z
    .boolean()
    .optional()
    .describe('Use the embedded engines: one process, nothing to install. Default in dev: true unless `sql.url` is set.'),
  sql: z
    .strictObject({
      url: z
        .url({ protocol: /^postgres(ql)?$/ })
        .optional()
        .meta({ writeOnly: true, 'x-example': 'postgres://user:password@host:5432/database' })
        .describe('PostgreSQL, as "postgres://user:password@host:5432/database".'),
      urlFile: secretFile('url'),
      connectionsMax: z.int().min(1).max(1_000).default(10).describe('Connections of this process to PostgreSQL.'),
    })
    .prefault({})
    .describe('The database.'),
  redis,
  auth,
  cache: z
    .strictObject({
      bytesMax: z.int().min(0).max(68_719_476_736).default(67_108_864).describe('Memory for remembered answers, in bytes.'),
      locales: z
        .array(text())
        .min(1)
        .max(100)
        .optional()
        .describe(
          'Languages that screens speak; `accept-language` is brought down to one of them, else to the first. Unset: those of src/app/messages.',
        ),
    })
    .prefault({})
    .describe('Remembered answers.'),
  upstreams: z.record(name(), upstream).default({}).describe('Internal services by the name that policies and screens use.'),
  telemetry: z
    .strictObject({
      sampleRatio: z.number().min(0).max(1).default(0.01).describe('Part of all traces that is recorded; calls that fail by our fault are always.'),
      accessLog: text().default('stdout').describe('Where the line of each call goes: "stdout", "none", or a file.'),
      logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info').describe('The least important lines that are written.'),
    })
    .prefault({})
    .describe('Traces, metrics and logs. OTLP exporters are set by the standard OTEL_* variables.'),
  drain: z
    .strictObject({
      grace: duration('0ms', '10m').prefault('10s').describe('After SIGTERM calls in flight have this long to finish.'),
    })
    .prefault({})
    .describe('How the server stops.'),
  reflection: z.boolean().optional().describe('Answer gRPC reflection. Default: true in dev, false in serve.'),
  sample: z.boolean().optional().describe('Dev only: run the sample company, and use it for upstreams that are not set. Default: true.'),
  app: z
    .strictObject({
      services: z
        .array(text())
        .max(1_000)
        .optional()
        .describe('Full names of the services that are served, such as "app.v1.HomeService". Unset: all.'),
      errorDomain: text().default('portico').describe('`domain` of every ErrorInfo (AIP-193).'),
    })
    .prefault({})
    .describe("The team's own services."),
});

export type RawSettings = z.output<typeof settingsSchema>;
