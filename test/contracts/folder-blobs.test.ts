import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { folderBlobs } from '../../src/core/adapters/blobs/folder-blobs.ts';
import { blobsContract } from './blobs.ts';

async function openFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'portico-blobs-'));
  return {
    folder,
    blobs: folderBlobs(join(folder, 'media')),
    [Symbol.asyncDispose]: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

blobsContract('folder', openFolder);

test('a disk that takes a part of what is written gets the rest, and several chunks are one write', async (t) => {
  await using on = await openFolder();
  const handle = await open(join(on.folder, 'probe'), 'w');
  await handle.close();
  const kind = Object.getPrototypeOf(handle);
  const { writev } = kind;
  let most = Number.POSITIVE_INFINITY;
  const writes = t.mock.method(kind, 'writev', function (this: unknown, chunks: readonly Buffer[]) {
    return writev.call(this, [Buffer.concat(chunks).subarray(0, most)]);
  });
  const written = async (name: string) => {
    const writer = await on.blobs.create(name);
    for (let i = 0; i < 100; i++) await writer.write(Buffer.alloc(10_000, i));
    await writer.finish();
    const read: Uint8Array[] = [];
    for await (const bytes of on.blobs.read(name, 0, 1_000_000)) read.push(bytes);
    const content = Buffer.concat(read);
    for (let i = 0; i < 100; i++) assert.ok(content.subarray(i * 10_000, (i + 1) * 10_000).equals(Buffer.alloc(10_000, i)));
  };
  await written('aa11/0-x');
  assert.equal(writes.mock.callCount(), 4);
  most = 33_333;
  await written('aa22/0-x');
  assert.ok(writes.mock.callCount() > 30);
});
