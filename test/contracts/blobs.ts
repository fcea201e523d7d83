import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { Blobs } from '../../src/core/ports/blobs.ts';
import { isFault } from '../support/is-fault.ts';

export type BlobsHarness = AsyncDisposable & { readonly blobs: Blobs };

/** The contract of the store of contents. */
export function blobsContract(adapter: string, open: () => Promise<BlobsHarness>): void {
  const contract = (name: string, body: (blobs: Blobs) => Promise<void>) =>
    test(`${adapter}: ${name}`, async () => {
      await using on = await open();
      await body(on.blobs);
    });
  const put = async (blobs: Blobs, name: string, ...pieces: readonly string[]) => {
    const writer = await blobs.create(name);
    for (const piece of pieces) await writer.write(Buffer.from(piece));
    await writer.finish();
  };
  const read = async (blobs: Blobs, name: string, from: number, to: number) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of blobs.read(name, from, to)) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  };
  const namesOf = async (blobs: Blobs, after = '', most = 1_000) => (await blobs.list(after, most)).map(({ name }) => name);

  contract('what was written is read in whole and in part', async (blobs) => {
    await put(blobs, 'aa11/0-x', 'Hello, ', 'world');
    assert.equal(await read(blobs, 'aa11/0-x', 0, 12), 'Hello, world');
    assert.equal(await read(blobs, 'aa11/0-x', 7, 9), 'wo');
    assert.equal(await read(blobs, 'aa11/0-x', 5, 5), '');
  });

  contract('a large blob is whole', async (blobs) => {
    const content = 'abcdefgh'.repeat(blobs.blobBytesMax / 8);
    await put(blobs, 'aa22/0-x', content.slice(0, 100_001), content.slice(100_001));
    assert.equal(await read(blobs, 'aa22/0-x', 0, content.length), content);
  });

  contract('a blob of many pieces of any size is whole', async (blobs) => {
    const pieces = Array.from({ length: 500 }, (_, i) => String.fromCharCode(97 + (i % 26)).repeat((i * i) % 9_973));
    await put(blobs, 'aa33/0-x', ...pieces);
    const content = pieces.join('');
    assert.equal(await read(blobs, 'aa33/0-x', 0, content.length), content);
  });

  contract('a blob is there once it is finished, and none is left of one that was given up', async (blobs) => {
    const writer = await blobs.create('bb11/0-x');
    await writer.write(Buffer.from('half'));
    await assert.rejects(read(blobs, 'bb11/0-x', 0, 4), isFault('ATTACHMENT_LOST'));
    await writer.abort();
    await assert.rejects(read(blobs, 'bb11/0-x', 0, 4), isFault('ATTACHMENT_LOST'));
    assert.deepEqual(await namesOf(blobs), []);
  });

  contract('what is not there, or ends before, is lost', async (blobs) => {
    await put(blobs, 'cc11/0-x', 'abc');
    await assert.rejects(read(blobs, `${randomUUID()}/0-x`, 0, 1), isFault('ATTACHMENT_LOST'));
    await assert.rejects(read(blobs, 'cc11/0-x', 0, 4), isFault('ATTACHMENT_LOST'));
    await assert.rejects(read(blobs, 'cc11/0-x', 9, 12), isFault('ATTACHMENT_LOST'));
  });

  contract('a deleted blob is not there, and may be deleted again', async (blobs) => {
    for (let i = 0; i < 25; i++) await put(blobs, `dd11/${i + 10}-x`, 'abc');
    const names = await namesOf(blobs);
    await blobs.delete([...names.slice(1), 'dd99/0-none']);
    await blobs.delete(names.slice(1));
    assert.deepEqual(await namesOf(blobs), names.slice(0, 1));
  });

  contract('blobs are listed in the order of their names, page by page, with their age', async (blobs) => {
    const names = ['00ff/0-a', '0a00/0-a', '0a00/10-b', '0a00/2-c', '0a01/0-a', 'ff00/0-a', 'ff00-1/0-a'].sort();
    for (const name of [...names].reverse()) await put(blobs, name, 'x');
    assert.deepEqual(await namesOf(blobs), names);
    const paged: string[] = [];
    for (let page = await namesOf(blobs, '', 2); page.length > 0; page = await namesOf(blobs, page.at(-1), 2)) paged.push(...page);
    assert.deepEqual(paged, names);
    const [first] = await blobs.list('', 1);
    assert.ok(Math.abs(Date.now() - (first?.changedAtMs ?? 0)) < 600_000);
  });
}
