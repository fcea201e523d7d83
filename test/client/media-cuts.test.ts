// Uploads and downloads that are cut anywhere, on a server in memory.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CallError } from '../../src/client/call-error.ts';
import { bytesContent, type Content } from '../../src/client/media/content.ts';
import type { DownloadWish } from '../../src/client/media/download.ts';
import type { UploadWish } from '../../src/client/media/upload.ts';
import { failure } from './failure.ts';
import { attachmentId, conversationId, cut, openScriptedMedia, passing, sha256 } from './scripted-media.ts';

const bytes = Buffer.from('a small content.');
const wish: UploadWish = { attachmentId, conversationId, content: bytesContent(bytes) };
const everywhere = ({ server }: ReturnType<typeof openScriptedMedia>) => {
  for (const at of all(bytes.length)) server.cuts.add(at);
};
const all = (to: number) => Array.from({ length: to + 1 }, (_, n) => n);

async function uploaded(given: Partial<UploadWish>, set: (opened: ReturnType<typeof openScriptedMedia>) => void = () => {}) {
  const opened = openScriptedMedia();
  set(opened);
  const attachment = await passing(opened.clock, opened.media.upload({ ...wish, ...given }));
  return { ...opened, attachment };
}

async function downloaded(given: Partial<DownloadWish>, set: (opened: ReturnType<typeof openScriptedMedia>) => void = () => {}) {
  const opened = openScriptedMedia(bytes);
  set(opened);
  const came: Buffer[] = [];
  const write = (piece: Uint8Array) => void came.push(Buffer.from(piece));
  const attachment = await passing(opened.clock, opened.media.download({ attachmentId, write, ...given }));
  return { ...opened, attachment, bytes: Buffer.concat(came) };
}

test('an upload that is cut at any byte asks where it was, and goes on there', async () => {
  for (const at of all(bytes.length)) {
    const progress: number[] = [];
    const { server, attachment } = await uploaded({ onProgress: (sent) => progress.push(sent) }, ({ server }) => server.cuts.add(at));
    assert.deepEqual([server.stored, Buffer.from(attachment.sha256)], [bytes, sha256(bytes)]);
    const rest = at === bytes.length ? [] : [`upload ${at}`];
    assert.deepEqual(server.calls, ['upload 0', 'ask', ...rest], `cut at ${at}`);
    assert.deepEqual([progress[0], progress.at(-1)], [0, bytes.length]);
  }
});

test('an upload that is cut at every byte is whole in the end: each byte begins its tries anew', async () => {
  const { server } = await uploaded({}, everywhere);
  assert.deepEqual([server.stored, server.cuts.size], [bytes, 0]);
});

test('requests that carry a part only follow each other without a pause or a question', async () => {
  const { server } = await uploaded({}, ({ server }) => {
    server.requestBytes = 5;
  });
  assert.deepEqual(server.calls, ['upload 0', 'upload 5', 'upload 10', 'upload 15']);
});

test('tries are bounded, and a later process resumes', async () => {
  const { media, server, clock } = openScriptedMedia();
  server.stored = bytes.subarray(0, 7);
  server.fault = cut();
  await assert.rejects(passing(clock, media.upload(wish)), { code: 'UNAVAILABLE' });
  assert.deepEqual(server.calls, ['upload 0', 'ask', 'ask', 'ask', 'ask', 'ask', 'ask']);
  server.fault = undefined;
  await passing(clock, media.upload({ ...wish, resumes: true, sha256: sha256(bytes) }));
  assert.deepEqual(server.calls.slice(7), ['ask', 'upload 7']);
});

test('a content that cannot be read, or has another size, fails with its reason at once', async () => {
  const failing: Content = {
    sizeBytes: 10,
    open: async function* () {
      yield bytes.subarray(0, 5);
      throw new Error('EIO');
    },
  };
  const rows: readonly (readonly [Content, string])[] = [
    [{ ...bytesContent(bytes), sizeBytes: bytes.length + 1 }, 'CONTENT_CHANGED'],
    [{ ...bytesContent(bytes), sizeBytes: bytes.length - 1 }, 'CONTENT_CHANGED'],
    [failing, 'CONTENT_UNREADABLE'],
  ];
  for (const [content, reason] of rows)
    for (const known of [undefined, sha256(bytes)]) {
      const sent = uploaded({ content, ...(known && { sha256: known }) });
      await assert.rejects(sent, (error) => error instanceof CallError && error.reason === reason);
    }
});

test('without a network nothing is tried, and with one it goes on at once', async () => {
  const { media, server, clock } = openScriptedMedia();
  server.fault = cut();
  const upload = media.upload(wish);
  await clock.advance(0);
  media.networkLost();
  const { length } = server.calls;
  await clock.advance(3_600_000);
  assert.equal(server.calls.length, length);
  server.fault = undefined;
  media.networkFound();
  await upload;
  assert.deepEqual(server.calls.slice(length), ['ask', 'upload 0']);
  assert.deepEqual(server.stored, bytes);
});

test('a sign-out and a signal cancel what is under way: nothing is sent for another user', async () => {
  const left = new AbortController();
  for (const end of [({ media }: ReturnType<typeof openScriptedMedia>) => media.clear(), () => left.abort()]) {
    const opened = openScriptedMedia(bytes);
    opened.server.fault = cut();
    const both = [
      opened.media.upload({ ...wish, signal: left.signal }),
      opened.media.download({ attachmentId, write: () => {}, signal: left.signal }),
    ];
    for (const call of both) call.catch(() => {});
    await opened.clock.advance(0);
    const { length } = opened.server.calls;
    end(opened);
    for (const call of both) await assert.rejects(call, CallError);
    await opened.clock.advance(3_600_000);
    assert.equal(opened.server.calls.length, length);
  }
});

test('a download that is cut at any byte goes on there', async () => {
  for (const at of all(bytes.length)) {
    const came = await downloaded({}, ({ server }) => server.cuts.add(at));
    assert.deepEqual(came.bytes, bytes);
    assert.deepEqual(came.server.calls, at === bytes.length ? ['download 0'] : ['download 0', `download ${at}`]);
  }
  const { server, bytes: each } = await downloaded({}, everywhere);
  assert.deepEqual([each, server.cuts.size], [bytes, 0]);
});

test('what an earlier process has kept is not downloaded again, and counts for the hash', async () => {
  for (const at of all(bytes.length)) {
    const came = await downloaded({ kept: bytesContent(bytes.subarray(0, at)) });
    assert.deepEqual(came.bytes, bytes.subarray(at), `${at} were kept`);
  }
  const wrong = downloaded({ kept: bytesContent(Buffer.from('A small')) });
  await assert.rejects(wrong, (error) => error instanceof CallError && error.reason === 'CONTENT_HASH_WRONG');
});

test('a part is downloaded, and resumed in it', async () => {
  const { bytes: part, server } = await downloaded({ from: 3, most: 9 }, ({ server }) => server.cuts.add(5));
  assert.deepEqual([part, server.calls], [bytes.subarray(3, 12), ['download 3', 'download 5']]);
});

test('a content that was changed on its way is refused, and an error of the app is its own', async () => {
  const opened = openScriptedMedia(bytes);
  opened.server.stored = Buffer.from('A small content.');
  await assert.rejects(opened.media.download({ attachmentId, write: () => {} }), { reason: 'CONTENT_HASH_WRONG' });
  const full = new Error('ENOSPC');
  const write = () => Promise.reject(full);
  await assert.rejects(downloaded({ write }), full);
});

test('what the server refuses is not repeated, and a wait for a day is left to the app', async () => {
  const rows = [
    failure('NOT_FOUND', 'CONVERSATION_UNKNOWN'),
    failure('DATA_LOSS', 'ATTACHMENT_LOST'),
    failure('RESOURCE_EXHAUSTED', 'UPLOADS_TOO_MANY', 80_000),
  ];
  for (const fault of rows) {
    const { media, server, clock } = openScriptedMedia(bytes);
    server.fault = fault;
    await assert.rejects(passing(clock, media.upload(wish)), fault);
    await assert.rejects(passing(clock, media.download({ attachmentId, write: () => {} })), fault);
    assert.deepEqual(server.calls, ['upload 0', 'download 0']);
  }
});
