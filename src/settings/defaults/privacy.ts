import { z } from 'zod';
import { duration, name } from '../value-formats.ts';

export const privacy = z
  .strictObject({
    services: z
      .array(name())
      .max(100)
      .default([])
      .describe('Internal services that may export and erase the data of users, by their names. Empty: none; the command line may.'),
    secondPassAfter: duration('0s', '1h')
      .prefault('2m')
      .describe(
        'How long after its first pass an erasure searches again, for what calls have stored that were under way. Set it above all deadlines.',
      ),
  })
  .prefault({})
  .describe("Exports and erasures of users' data.");
