// Frames from a body that TCP and the client may cut anywhere.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Frame, frame, headBytes, nextFrame } from './length-prefixed-messages.ts';
import { ArrivedBytes } from './receive-buffer.ts';

const message = fc.record({ flags: fc.integer({ min: 0, max: 255 }), bytes: fc.uint8Array({ maxLength: 300 }) });

/** The frames of a body that arrives in chunks of the given sizes, which repeat. */
function read(body: Buffer, sizes: readonly number[], bytesMax: number): { readonly found: Frame[]; readonly isWhole: boolean } {
  const reader = new ArrivedBytes();
  const found: Frame[] = [];
  for (let at = 0, i = 0; at < body.length; i++) {
    const end = at + (sizes[i % sizes.length] ?? 1);
    reader.push(Buffer.from(body.subarray(at, end)));
    for (let next = nextFrame(reader, bytesMax); next !== undefined; next = nextFrame(reader, bytesMax)) found.push(next);
    at = end;
  }
  return { found, isWhole: reader.length === 0 };
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
  const reader = new ArrivedBytes();
  const expected = Buffer.from(Array.from({ length: 1_000 }, (_, i) => i % 251));
  reader.push(frame(0, expected).subarray(0, 5));
  const one = Buffer.alloc(1); // the next chunk overwrites it
  for (const byte of expected) {
    assert.equal(nextFrame(reader, 1_000), undefined);
    one[0] = byte;
    reader.push(one);
  }
  assert.deepEqual(nextFrame(reader, 1_000)?.bytes, expected);
});

/** The buffers that are allocated while a message of so many bytes arrives in chunks of a size. */
function allocated(bytes: number, chunkBytes: number): readonly number[] {
  const sizes: number[] = [];
  const { allocUnsafeSlow } = Buffer;
  Buffer.allocUnsafeSlow = (size) => {
    sizes.push(size);
    return allocUnsafeSlow(size);
  };
  try {
    read(frame(0, Buffer.alloc(bytes)), [chunkBytes], bytes);
  } finally {
    Buffer.allocUnsafeSlow = allocUnsafeSlow;
  }
  return sizes;
}

test('a message in chunks of one byte is collected in buffers that double, and the announced length alone costs nothing', () => {
  const copied = allocated(400_000, 1);
  const bytes = copied.reduce((sum, size) => sum + size, 0);
  assert.ok(copied.length < 25 && bytes < 4 * 400_000, `${copied.length} buffers of ${bytes} bytes`);
});

test('a message in large chunks is copied once, and one in a single chunk is not', () => {
  assert.deepEqual(allocated(400_000, 16_384), [400_000 + headBytes]);
  assert.deepEqual(allocated(400_000, 400_000 + headBytes), []);
});
