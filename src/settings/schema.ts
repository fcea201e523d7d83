import { z } from 'zod';
import { app } from './schema/app.ts';
import { auth } from './schema/auth.ts';
import { cache } from './schema/cache.ts';
import { drain } from './schema/drain.ts';
import { adminListener, internalListener, publicListener } from './schema/listeners.ts';
import { live } from './schema/live.ts';
import { redis } from './schema/redis.ts';
import { sql } from './schema/sql.ts';
import { telemetry } from './schema/telemetry.ts';
import { upstreams } from './schema/upstreams.ts';
import { file } from './schema/values.ts';

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
  sql,
  redis,
  auth,
  cache,
  live,
  upstreams,
  telemetry,
  drain,
  reflection: z.boolean().optional().describe('Serve gRPC reflection. Default: true in dev, false in serve, where it needs a token.'),
  sample: z
    .boolean()
    .optional()
    .describe('Dev only: run the sample services of the app (the sample company), and use them for upstreams that are not set. Default: true.'),
  app,
});

export type RawSettings = z.output<typeof settingsSchema>;
