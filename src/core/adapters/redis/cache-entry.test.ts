import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CacheEntry } from '../../ports/cache-store.ts';
import { decodeEntry, encodeEntry } from './cache-entry.ts';

const entryOf = (body: Uint8Array): CacheEntry => ({
  body,
  etag: '"e"',
  metadata: [['x-note', ['a', 'ü']]],
  trailers: [['x-bin', [Uint8Array.of(0, 255)]]],
  generation: 'g',
  tags: ['item:1'],
  versions: [1_700_000_000_000_000],
  startedAt: 7,
  computedAtMs: 1,
  freshUntilMs: 2,
  staleUntilMs: 3,
  scope: 'ada',
});
const small = entryOf(Uint8Array.from({ length: 40 }, (_, i) => i));
const large = entryOf(new Uint8Array(Buffer.from('the same again and again, '.repeat(400))));

for (const [what, entry] of [
  ['small', small],
  ['compressed', large],
  ['empty', entryOf(new Uint8Array(0))],
] as const) {
  test(`a ${what} answer is read as it was written, and not when it was cut, wherever that was`, () => {
    const value = encodeEntry(entry);
    assert.deepEqual(decodeEntry(value), entry);
    for (let length = 0; length < value.length; length++) assert.equal(decodeEntry(value.subarray(0, length)), undefined, `${length} bytes`);
  });
}

test('what is of another format, compressed in another way, or no entry at all is a miss', () => {
  for (const entry of [small, large]) {
    const value = encodeEntry(entry);
    for (const [at, byte] of [0, 1].flatMap((at) => Array.from({ length: 256 }, (_, byte) => [at, byte] as const))) {
      if (value[at] === byte) continue;
      const other = Buffer.from(value);
      other[at] = byte;
      assert.equal(decodeEntry(other), undefined, `byte ${at} is ${byte}`);
    }
  }
  for (const header of ['', 'null', '[]', '{}', '7', '"text"', '[1,2,3]', '["e","g",[],[],1,2,3,4,"s",[],[]]']) {
    const start = Buffer.from(encodeEntry(small).subarray(0, 6));
    start.writeUInt32BE(header.length, 2);
    assert.equal(decodeEntry(Buffer.concat([start, Buffer.from(header), small.body])), undefined, header);
  }
  const far = Buffer.from(encodeEntry(small));
  far.writeUInt32BE(0xffff_ffff, 2);
  assert.equal(decodeEntry(far), undefined);
});
