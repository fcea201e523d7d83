// Frames from a body that TCP and the client may cut anywhere.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Frame, FrameReader, frame } from './frames.ts';

const message = fc.record({ flags: fc.integer({ min: 0, max: 255 }), bytes: fc.uint8Array({ maxLength: 300 }) });

/** The frames of a body that arrives in chunks of the given sizes, which repeat. */
function read(body: Buffer, sizes: readonly number[], bytesMax: number): { readonly found: Frame[]; readonly isWhole: boolean } {
  const reader = new FrameReader(bytesMax);
  const found: Frame[] = [];
  for (let at = 0, i = 0; at < body.length; i++) {
    const end = at + (sizes[i % sizes.length] ?? 1);
    reader.push(Buffer.from(body.subarray(at, end)));
    for (let next = reader.next(); next !== undefined; next = reader.next()) found.push(next);
    at = end;
  }
  return { found, isWhole: reader.isEmpty };
}

test('frames are the same however the body is cut, and stay as they were while others arrive', () =>
  fc.assert(
    fc.property(fc.array(message, { maxLength: 8 }), fc.array(fc.integer({ min: 0, max: 40 }), { minLength: 1 }), (messages, sizes) => {
      if (!sizes.some((size) => size > 0)) return;
      const body = Buffer.concat(messages.map(({ flags, bytes }) => frame(flags, bytes)));
      const { found, isWhole } = read(body, sizes, 300);
      assert.deepEqual(
        found.map(({ flags, bytes }) => [flags, bytes.toString('hex')]),
        messages.map(({ flags, bytes }) => [flags, Buffer.from(bytes).toString('hex')]),
      );
      assert.ok(isWhole);
    }),
  ));

test('a message that is sent to many is framed once; an equal one, or one with other flags, is another', () => {
  const message = Buffer.from('event');
  const first = frame(0, message);
  assert.equal(frame(0, message), first);
  assert.deepEqual(frame(1, message), Buffer.from('\x01\0\0\0\x05event'));
  assert.notEqual(frame(0, Buffer.from('event')), first);
  assert.deepEqual(frame(0, message), first);
});

test('the chunks of an incomplete message are copied, and not held', () => {
  const reader = new FrameReader(1_000);
  const expected = Buffer.from(Array.from({ length: 1_000 }, (_, i) => i % 251));
  reader.push(frame(0, expected).subarray(0, 5));
  const one = Buffer.alloc(1); // the next chunk overwrites it
  for (const byte of expected) {
    assert.equal(reader.next(), undefined);
    one[0] = byte;
    reader.push(one);
  }
  assert.deepEqual(reader.next()?.bytes, expected);
});

test('a message in chunks of one byte is collected in buffers that double, and the announced length alone costs nothing', () => {
  const copied: number[] = [];
  const { allocUnsafeSlow } = Buffer;
  Buffer.allocUnsafeSlow = (size) => {
    copied.push(size);
    return allocUnsafeSlow(size);
  };
  try {
    read(frame(0, Buffer.alloc(400_000)), [1], 400_000);
  } finally {
    Buffer.allocUnsafeSlow = allocUnsafeSlow;
  }
  const bytes = copied.reduce((sum, size) => sum + size, 0);
  assert.ok(copied.length < 25 && bytes < 4 * 400_000, `${copied.length} buffers of ${bytes} bytes`);
});
