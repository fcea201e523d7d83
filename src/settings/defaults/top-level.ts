import { z } from 'zod';
import { file } from '../value-formats.ts';

export const dataDir = file().default('./.portico').describe('Folder of files on disk: certificates and keys of dev, the embedded database.');
export const embedded = z
  .boolean()
  .optional()
  .describe('Use the embedded engines: one process, nothing to install. Default in dev: true unless `sql.url` is set.');
export const workers = z
  .int()
  .min(1)
  .max(64)
  .default(1)
  .describe(
    'Processes that serve on the same ports, for a node with several cores: one for each core. They share their state as replicas do, by Redis and PostgreSQL. Limits and sizes are of each process. `serve` only.',
  );
export const reflection = z.boolean().optional().describe('Serve gRPC reflection. Default: true in dev, false in serve, where it needs a token.');
export const sample = z
  .boolean()
  .optional()
  .describe('Dev only: run the sample services of the app (the sample company), and use them for upstreams that are not set. Default: true.');
