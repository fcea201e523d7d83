// Uploads that pause, and those that no store can take.
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { fakeClock } from '../../../../test/support/time/clock.ts';
import { UploadRequest } from '../../../gen/portico/v1/media.ts';
import { noBlobs } from '../../adapters/blobs/blob-store-faults.ts';
import type { Fault } from '../../kit/fault.ts';
import type { Attachments, Part } from '../../ports/attachments.ts';
import type { Blobs } from '../../ports/blobs.ts';
import type { ReadyCall } from '../../ports/call.ts';
import { takeUpload } from './upload.ts';

const idleMs = 30_000;
const content = Buffer.from('x'.repeat(100));

/** One upload, whose messages come when the test sends them. */
function open(blobs?: Partial<Blobs>, { clock = fakeClock(), signal = new AbortController().signal } = {}) {
  const sizeBytes = content.length;
  const [parts, dropped, waiting]: [Part[], string[], ((sent: IteratorResult<Uint8Array>) => void)[]] = [[], [], []];
  const sent: IteratorResult<Uint8Array>[] = [];
  const attachments: Partial<Attachments> = {
    begin: async () => ({ sizeBytes, parts: [], attachment: undefined }),
    add: async (_, __, part) => parts.push(part) > 0,
    complete: async (id) => ({ id, contentType: 'text/plain', sizeBytes, name: '', sha256: new Uint8Array() }),
    drop: async (id) => void dropped.push(id),
  };
  const memory: Partial<Blobs> = {
    blobBytesMax: 1_000,
    create: async () => ({ write: async () => {}, finish: async () => {}, abort: async () => {} }),
  };
  const messages: AsyncIterableIterator<Uint8Array> = {
    [Symbol.asyncIterator]: () => messages,
    next: () =>
      new Promise((resolve) => {
        const next = sent.shift();
        if (next === undefined) waiting.push(resolve);
        else resolve(next);
      }),
  };
  const request = { each: () => messages } as unknown as ReadyCall['request'];
  const rules = { sizeMax: 1_000, types: ['text/*', 'application/*'], openMax: 1, bytesPerDayMax: 1_000, callsMax: 1, idleMs };
  const random = { randomId: randomUUID, randomHex: (digits: number) => 'a'.repeat(digits) };
  let ended: { readonly reason?: string } | undefined;
  const given = { attachments: attachments as Attachments, blobs: { ...memory, ...blobs } as Blobs, rules, clock, ...random };
  takeUpload({ request, signal }, 'alice', given).then(
    () => {
      ended = {};
    },
    (error: Fault) => {
      ended = { reason: error.reason };
    },
  );
  const give = async (result: IteratorResult<Uint8Array>) => {
    const next = waiting.shift();
    if (next === undefined) sent.push(result);
    else next(result);
    await clock.advance(0);
  };
  const send = (message: UploadRequest['message']) => give({ done: false, value: UploadRequest.encode({ message }).finish() });
  const start = () =>
    send({
      $case: 'start',
      value: {
        attachmentId: randomUUID(),
        conversationId: randomUUID(),
        sizeBytes: BigInt(sizeBytes),
        sha256: createHash('sha256').update(content).digest(),
        offset: 0n,
        name: '',
      },
    });
  const chunk = (from: number, to: number) => send({ $case: 'chunk', value: content.subarray(from, to) });
  const end = () => give({ done: true, value: undefined });
  const stored = () => parts.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return { clock, parts, dropped, start, chunk, end, stored, ended: () => ended };
}

for (const [when, before, stored] of [
  ['before it begins', async () => {}, 0],
  ['after its beginning', ({ start }) => start(), 0],
  [
    'after some bytes',
    async ({ start, chunk }) => {
      await start();
      await chunk(0, 40);
    },
    40,
  ],
] as readonly (readonly [string, (upload: ReturnType<typeof open>) => Promise<void>, number])[])
  test(`an upload that pauses too long ${when} is ended, and what has come is stored`, async () => {
    const upload = open();
    await before(upload);
    await upload.clock.advance(idleMs - 1);
    assert.equal(upload.ended(), undefined);
    await upload.clock.advance(1);
    assert.deepEqual(upload.ended(), { reason: 'UPLOAD_INCOMPLETE' });
    assert.equal(upload.stored(), stored);
    assert.deepEqual(upload.dropped, [], 'it can be resumed');
  });

test('an upload may pause again and again, and storing its bytes is no pause', async () => {
  let store = () => {};
  const write = () =>
    new Promise<void>((resolve) => {
      store = resolve;
    });
  const upload = open({ create: async () => ({ write, finish: async () => {}, abort: async () => {} }) });
  await upload.start();
  for (const [from, to] of [
    [0, 30],
    [30, 60],
    [60, 90],
  ] as const) {
    await upload.clock.advance(idleMs - 1);
    await upload.chunk(from, to);
    await upload.clock.advance(2 * idleMs); // the store is slow
    store();
    await upload.clock.advance(0);
    assert.equal(upload.ended(), undefined);
  }
  await upload.clock.advance(idleMs);
  assert.deepEqual(upload.ended(), { reason: 'UPLOAD_INCOMPLETE' });
});

test('the messages of an upload share one timer and one listener, which end with it', async (t) => {
  const clock = fakeClock();
  const { signal } = new AbortController();
  const after = t.mock.method(clock, 'after');
  const [added, removed] = [t.mock.method(signal, 'addEventListener'), t.mock.method(signal, 'removeEventListener')];
  const upload = open(undefined, { clock, signal });
  await upload.start();
  for (let at = 0; at < content.length; at++) await upload.chunk(at, at + 1);
  await upload.end();
  assert.deepEqual(upload.ended(), {});
  assert.deepEqual(
    [after, added, removed].map(({ mock }) => mock.callCount()),
    [1, 1, 1],
  );
});

for (const [what, sent] of [
  ['pauses', 0],
  ['has sent some bytes', 40],
] as const)
  test(`a client that leaves while its upload ${what} ends it, and what has come is stored`, async () => {
    const leaving = new AbortController();
    const upload = open(undefined, { signal: leaving.signal });
    await upload.start();
    if (sent > 0) await upload.chunk(0, sent);
    leaving.abort({ reason: 'CALL_CANCELLED' });
    await upload.clock.advance(0);
    assert.deepEqual(upload.ended(), { reason: 'CALL_CANCELLED' });
    assert.equal(upload.stored(), sent);
  });

test('a server without a store refuses the first bytes of an upload with MEDIA_OFF, and keeps nothing of it', async () => {
  const upload = open(noBlobs);
  await upload.start();
  await upload.chunk(0, 40);
  await upload.clock.advance(0);
  assert.deepEqual([upload.ended(), upload.parts], [{ reason: 'MEDIA_OFF' }, []]);
});
