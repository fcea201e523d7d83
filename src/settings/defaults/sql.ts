import { z } from 'zod';
import { duration, secretFile } from '../value-formats.ts';

export const sql = z
  .strictObject({
    url: z
      .url({ protocol: /^postgres(ql)?$/ })
      .optional()
      .meta({ writeOnly: true, 'x-example': 'postgres://user:password@host:5432/database' })
      .describe('PostgreSQL, as "postgres://user:password@host:5432/database".'),
    urlFile: secretFile('url'),
    statement: duration('1s', '10m').prefault('15s').describe('A statement that takes longer is ended, and its call fails. PostgreSQL only.'),
    connectionsMax: z.int().min(1).max(1_000).default(10).describe('Connections of this process to PostgreSQL.'),
  })
  .prefault({})
  .describe('The database.');
