import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Fault } from '../../kit/fault.ts';
import { openUploadPlaces } from './concurrent-uploads.ts';

/** Calls that upload until they are ended. */
function opened(callsMax: number, callsPerUserMax: number) {
  const inPlace = openUploadPlaces({ callsMax, callsPerUserMax });
  return (userId: string) => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const call = inPlace(userId, () => promise);
    call.catch(() => {});
    return { call, resolve, reject };
  };
}
const refused = (most: number, whose: string) => (error: Fault) => {
  const { metadata, retryAfterMs } = error.details;
  assert.deepEqual([error.reason, metadata, retryAfterMs], ['UPLOADS_TOO_MANY', { most: String(most) }, 5_000]);
  assert.match(error.message, new RegExp(whose));
  return true;
};

test('200 calls upload at once, and the next one is refused until one has ended, whichever way', async () => {
  const upload = opened(200, 20);
  const calls = Array.from({ length: 200 }, (_, i) => upload(`user-${i % 10}`));
  await assert.rejects(upload('another').call, refused(200, 'The server'));
  calls[0]?.resolve('whole');
  assert.equal(await calls[0]?.call, 'whole');
  const next = upload('another');
  await assert.rejects(upload('another').call, refused(200, 'The server'));
  calls[1]?.reject(new Error('cut'));
  await assert.rejects(calls[1]?.call ?? Promise.resolve(), /cut/);
  const last = upload('user-1');
  for (const { resolve } of [...calls, next, last]) resolve('whole');
  await Promise.all([...calls.slice(2), next, last].map(({ call }) => call));
});

test('a user of 200 calls at once has 20 of them, and takes no place of another one', async () => {
  const upload = opened(200, 20);
  const calls = Array.from({ length: 200 }, () => upload('ann'));
  for (const { call } of calls.slice(20)) await assert.rejects(call, refused(20, 'A user'));
  const other = upload('bob');
  for (const { resolve } of [...calls, other]) resolve('whole');
  assert.deepEqual(new Set(await Promise.all([...calls.slice(0, 20), other].map(({ call }) => call))), new Set(['whole']));
  const again = upload('ann');
  again.resolve('whole');
  assert.equal(await again.call, 'whole');
});
