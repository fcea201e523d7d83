// Bytes that arrive in chunks of any size and are taken in others.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ArrivedBytes } from './receive-buffer.ts';

/** Sizes around those at which chunks are kept or copied, and pages end. */
const size = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 1_000, max: 1_050 }), fc.integer({ min: 4_000, max: 9_000 }));
const step = fc.oneof(fc.record({ push: size }), fc.record({ take: size }), fc.record({ look: size }), fc.constant({ all: true }));

test('what is taken is what has arrived, in order, and never changes afterwards', () =>
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const arrived = new ArrivedBytes();
      let expected = Buffer.alloc(0);
      let next = 0;
      const kept: (readonly [Buffer, Buffer])[] = [];
      const keep = (bytes: Buffer) => kept.push([bytes, Buffer.from(bytes)]);
      for (const one of steps) {
        if ('push' in one) {
          const chunk = Buffer.from(Array.from({ length: one.push }, () => next++ % 251));
          arrived.push(chunk);
          keep(chunk);
          expected = Buffer.concat([expected, chunk]);
        } else if ('take' in one) {
          const bytes = Math.min(one.take, expected.length);
          const taken = arrived.take(bytes);
          assert.ok(taken.equals(expected.subarray(0, bytes)));
          keep(taken);
          expected = expected.subarray(bytes);
        } else if ('look' in one) {
          if (one.look < expected.length) assert.equal(arrived.byteAt(one.look), expected[one.look]);
          else assert.throws(() => arrived.byteAt(one.look), RangeError);
        } else {
          const all = arrived.all();
          assert.ok(all.equals(expected));
          keep(all);
        }
        assert.equal(arrived.length, expected.length);
      }
      for (const [bytes, before] of kept) assert.ok(bytes.equals(before));
    }),
  ));

test('bytes put before all others are taken first', () => {
  const arrived = new ArrivedBytes();
  for (const chunk of ['b', 'c'.repeat(2_000), 'd']) arrived.push(Buffer.from(chunk));
  arrived.unshift(Buffer.from('a'));
  assert.equal(arrived.take(arrived.length).toString(), `ab${'c'.repeat(2_000)}d`);
  assert.equal(arrived.length, 0);
});
