import { z } from 'zod';
import { upstreamAddress } from './schema/address.ts';
import { auth } from './schema/auth.ts';
import { adminListener, internalListener, publicListener } from './schema/listeners.ts';
import { live } from './schema/live.ts';
import { redis } from './schema/redis.ts';
import { clientTls, duration, file, name, secretFile, text } from './schema/values.ts';

const upstream = z.strictObject({
  address: upstreamAddress().describe('"host:port", re-resolved by polling, or several: "ipv4:10.0.0.1:9000,10.0.0.2:9000".'),
  tls: clientTls().optional().describe('Unset: plain text. `{}`: TLS with the authorities of the system.'),
  deadline: duration('1ms', '1h').prefault('5s').describe('Deadline of one call.'),
  attemptsMax: z.int().min(1).max(5).default(3).describe('Attempts of an idempotent call, including the first.'),
  audience: text().optional().describe("`aud` of the internal token. Default: the upstream's name."),
});

/** All settings: the source of the file, the environment, the JSON schema and docs/reference/configuration.md. */
export const settingsSchema = z.strictObject({
  public: publicListener,
  internal: internalListener,
  admin: adminListener,
  dataDir: file().default('./.portico').describe('Folder of files on disk: certificates and keys of dev, the embedded database.'),
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
      bytesMax: z.int().min(0).max(68_719_476_736).default(67_108_864).describe('Memory for cached answers, in bytes.'),
      locales: z
        .array(text())
        .min(1)
        .max(100)
        .optional()
        .describe('Languages of screens. `accept-language` is reduced to one of them, or to the first. Unset: those of src/app/messages.'),
    })
    .prefault({})
    .describe('The cache of answers.'),
  live,
  upstreams: z.record(name(), upstream).default({}).describe('Internal services, by the name in policies and screens.'),
  telemetry: z
    .strictObject({
      sampleRatio: z
        .number()
        .min(0)
        .max(1)
        .default(0.01)
        .describe('Fraction of traces that is recorded. Calls that fail through a fault of the server are always recorded.'),
      accessLog: text().default('stdout').describe('Destination of the access log: "stdout", "none", or a file.'),
      logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info').describe('The lowest level that is logged.'),
      logFormat: z
        .enum(['auto', 'text', 'json'])
        .default('auto')
        .describe('json: one object per line. text: short lines for people. auto: text where `portico dev` writes to a terminal, else json.'),
    })
    .prefault({})
    .describe('Traces, metrics and logs. The standard OTEL_* variables configure OTLP exporters.'),
  drain: z
    .strictObject({
      grace: duration('0ms', '10m').prefault('10s').describe('Time for calls in flight to finish after SIGTERM.'),
    })
    .prefault({})
    .describe('Shutdown of the server.'),
  reflection: z.boolean().optional().describe('Serve gRPC reflection. Default: true in dev, false in serve, where it needs a token.'),
  sample: z
    .boolean()
    .optional()
    .describe('Dev only: run the sample services of the app (the sample company), and use them for upstreams that are not set. Default: true.'),
  app: z
    .strictObject({
      services: z.array(text()).max(1_000).optional().describe('Full names of the served services, such as "app.v1.HomeService". Unset: all.'),
      errorDomain: text().default('portico').describe('`domain` of every ErrorInfo (AIP-193).'),
    })
    .prefault({})
    .describe("The company's own services."),
});

export type RawSettings = z.output<typeof settingsSchema>;
