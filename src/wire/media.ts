import { randomUUID } from 'node:crypto';
import type { Meter } from '@opentelemetry/api';
import { noBlobs } from '../core/adapters/blobs/blob-store-faults.ts';
import { folderBlobs } from '../core/adapters/blobs/folder-blobs.ts';
import { freeingBuffers } from '../core/adapters/blobs/free-buffers.ts';
import type { UseDatabase } from '../core/adapters/sql/database-access.ts';
import { sqlAttachments } from '../core/adapters/sql/media/attachments.ts';
import { randomDigits } from '../core/kit/random-digits.ts';
import type { Handler } from '../core/ports/call.ts';
import type { Log } from '../core/ports/log.ts';
import { startCollecting } from '../core/services/media/collect-garbage.ts';
import { mediaHandlers } from '../core/services/media/media-handlers.ts';
import { resumesMax } from '../core/services/media/upload.ts';
import { linkTokens } from '../core/services/session/link-tokens.ts';
import type { Settings } from '../settings.ts';

type MediaParts = Omit<Parameters<typeof linkTokens>[0], 'issuer' | 'ttlMs'> & { readonly log: Log; readonly meter: Meter };

/** @param opened resolved when the database is there */
export async function wireMedia(
  { media, auth }: Settings,
  use: UseDatabase,
  opened: Promise<void>,
  { log, meter, ...parts }: MediaParts,
): Promise<{ readonly handlers: Readonly<Record<string, Handler>>; close(): void }> {
  const { clock } = parts;
  const { sizeMax, types, bytesPerDay, uploadsPerUser, uploads, idle, linkTtl, unfinished, unused, lost } = media;
  const { close: closeBlobs, ...blobs } = await blobsOf(media);
  const store = { attachments: sqlAttachments(use), blobs: freeingBuffers(blobs), clock };
  const handlers = mediaHandlers({
    ...store,
    rules: { sizeMax, types, idleMs: idle, openMax: uploadsPerUser, bytesPerDayMax: bytesPerDay, callsMax: resumesMax },
    links: linkTokens({ ...parts, issuer: auth.issuer, ttlMs: linkTtl }),
    linkMs: linkTtl,
    places: { callsMax: uploads, callsPerUserMax: uploadsPerUser },
    randomId: randomUUID,
    randomHex: randomDigits(),
  });
  const unneeded = { unfinishedMs: unfinished, unusedMs: unused, lostMs: lost };
  const stopCollecting = startCollecting({ ...store, unneeded, holder: randomUUID(), opened, random: Math.random, log, meter });
  return {
    handlers,
    close: () => {
      stopCollecting();
      closeBlobs();
    },
  };
}

/** The SDK is loaded where it is used: it takes 25 MB. */
async function blobsOf({ bucket, folder }: Settings['media']) {
  if (bucket === undefined) return { close: () => {}, ...(folder === undefined ? noBlobs : folderBlobs(folder)) };
  const { accessKeyId, secretAccessKey, endpoint, ...place } = bucket;
  const credentials = accessKeyId === undefined || secretAccessKey === undefined ? undefined : { accessKeyId, secretAccessKey };
  const { bucketBlobs } = await import('../core/adapters/blobs/bucket-blobs.ts');
  return bucketBlobs({ ...place, endpoint, credentials });
}
