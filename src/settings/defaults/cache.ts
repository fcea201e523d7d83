import { z } from 'zod';
import { text } from '../value-formats.ts';

export const cache = z
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
  .describe('The cache of answers.');
