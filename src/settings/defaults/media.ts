import { z } from 'zod';
import { duration } from '../value-formats.ts';

const mebibyte = 1_048_576;

export const media = z
  .strictObject({
    sizeMax: z
      .int()
      .min(1_024)
      .max(5 * 1_024 * mebibyte)
      .default(25 * mebibyte)
      .describe('The largest attachment. Bytes.'),
    types: z
      .array(
        z
          .string()
          .regex(/^[a-z]+\/([a-z0-9.+-]+|\*)$/)
          .meta({ 'x-text': 'a content type such as "image/png", or a kind such as "image/*"' }),
      )
      .max(100)
      .default(['image/*', 'audio/*', 'video/*', 'application/pdf'])
      .describe(
        'Types that are taken, as the content says: never as its name does. Content without a known type is "application/octet-stream", and markup such as SVG "application/xml".',
      ),
    bytesPerDay: z
      .int()
      .min(1_024)
      .default(1_024 * mebibyte)
      .describe('What a user uploads in a day (UTC) at most, by the sizes that are announced. Bytes.'),
    uploadsPerUser: z.int().min(1).max(1_000).default(20).describe('Uploads of a user that are not complete, and calls of one that upload at once.'),
    uploads: z
      .int()
      .min(1)
      .max(10_000)
      .default(200)
      .describe('Calls that upload at once, in one process: each holds up to 1 MiB if there is a bucket.'),
    idle: duration('1s', '10m').prefault('30s').describe('An upload that pauses for longer is ended. It can be resumed.'),
    linkTtl: duration('10s', '24h').prefault('10m').describe('How long a link to an attachment works.'),
    unfinished: duration('10m', '720h').prefault('24h').describe('An upload that is not complete is deleted after so long without new bytes.'),
    unused: duration('10m', '720h').prefault('24h').describe('An attachment that no message has named for so long is deleted.'),
  })
  .prefault({})
  .describe('Attachments: MediaService.');
