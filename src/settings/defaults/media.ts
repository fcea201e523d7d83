import { z } from 'zod';
import { duration, file, platformUrl, secret, secretFile, text } from '../value-formats.ts';

const bucket = z.strictObject({
  name: z
    .string()
    .regex(/^[a-zA-Z0-9._-]{3,255}$/)
    .meta({ 'x-text': 'the name of a bucket' })
    .describe('The name of the bucket.'),
  prefix: z
    .string()
    .regex(/^[a-zA-Z0-9._/-]{0,200}$/)
    .default('media/')
    .describe('What the names of all objects begin with.'),
  region: text().default('us-east-1').describe('The region of the bucket.'),
  endpoint: platformUrl().optional().describe('The server that speaks S3. Unset: AWS, in the region.'),
  pathStyle: z.boolean().default(false).describe('The bucket is in the path of a URL, not in its host: as MinIO and Ceph have it.'),
  accessKeyId: text().optional().describe("The id of an access key. Unset: the SDK's standard chain, which finds the identity of a workload."),
  secretAccessKey: secret(1).optional().meta({ writeOnly: true }).describe('The secret of this access key.'),
  secretAccessKeyFile: secretFile('secretAccessKey'),
});

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
    bucket: bucket.optional().describe('The bucket where contents are kept.'),
    folder: file()
      .optional()
      .describe(
        'The folder where contents are kept, if there is no bucket. Unset: `media` of the data directory in dev and with `embedded`; otherwise uploads are refused.',
      ),
    linkTtl: duration('10s', '24h').prefault('10m').describe('How long a link to an attachment works.'),
    unfinished: duration('10m', '720h').prefault('24h').describe('An upload that is not complete is deleted after so long without new bytes.'),
    unused: duration('10m', '720h').prefault('24h').describe('An attachment that no message has named for so long is deleted.'),
    lost: duration('1h', '8760h')
      .prefault('168h')
      .describe('An attachment whose content the store has lost is deleted after so long, unless the content comes back, as from a copy.'),
  })
  .prefault({})
  .describe('Attachments: MediaService.');
