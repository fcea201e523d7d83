import { z } from 'zod';
import { app } from './defaults/app.ts';
import { auth } from './defaults/auth.ts';
import { bootstrap } from './defaults/bootstrap.ts';
import { cache } from './defaults/cache.ts';
import { chat } from './defaults/chat.ts';
import { drain } from './defaults/drain.ts';
import { adminListener, internalListener, publicListener } from './defaults/listeners.ts';
import { live } from './defaults/live.ts';
import { maintenance } from './defaults/maintenance.ts';
import { media } from './defaults/media.ts';
import { privacy } from './defaults/privacy.ts';
import { push } from './defaults/push.ts';
import { redis } from './defaults/redis.ts';
import { sql } from './defaults/sql.ts';
import { telemetry } from './defaults/telemetry.ts';
import { dataDir, embedded, reflection, sample, workers } from './defaults/top-level.ts';
import { upstreams } from './defaults/upstreams.ts';

/**
 * All settings: the source of the file, the environment, the JSON schema and docs/reference/configuration.md. Each has
 * its default and its range in the file of its section in defaults/.
 */
export const settingsSchema = z.strictObject({
  public: publicListener,
  internal: internalListener,
  admin: adminListener,
  dataDir,
  workers,
  embedded,
  sql,
  redis,
  auth,
  cache,
  live,
  chat,
  media,
  push,
  privacy,
  upstreams,
  telemetry,
  drain,
  maintenance,
  bootstrap,
  reflection,
  sample,
  app,
});

export type RawSettings = z.output<typeof settingsSchema>;
