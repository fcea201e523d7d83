import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { folderBlobs } from '../../src/core/adapters/blobs/folder-blobs.ts';
import { blobsContract } from './blobs.ts';

blobsContract('folder', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'portico-blobs-'));
  return {
    blobs: folderBlobs(join(folder, 'media')),
    [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }),
  };
});
