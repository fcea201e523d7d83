import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { clip, percentEncode } from './clip-text.ts';

/** Any sequence of code units, including lone surrogates, NUL and line ends. */
const codeUnits = fc
  .array(fc.oneof(fc.integer({ min: 0, max: 0xffff }), fc.integer({ min: 0xd800, max: 0xdfff }), fc.constantFrom(0, 10, 37, 0x6b)), {
    maxLength: 400,
  })
  .map((units) => String.fromCharCode(...units));

test('a clipped text is well-formed, within its bytes, and the beginning of what it was', () => {
  fc.assert(
    fc.property(codeUnits, fc.integer({ min: 3, max: 500 }), (text, bytesMax) => {
      const clipped = clip(text, bytesMax);
      assert.ok(clipped.isWellFormed());
      assert.ok(Buffer.byteLength(clipped) <= bytesMax);
      if (Buffer.byteLength(text) <= bytesMax) assert.equal(clipped, text.toWellFormed());
      else assert.ok(clipped.endsWith('…') && text.toWellFormed().startsWith(clipped.slice(0, -1)));
    }),
  );
});

test('a text is not cut inside a character of two code units', () => {
  assert.equal(clip(`${'k'.repeat(188)}${'😀'.repeat(7)}`, 200), `${'k'.repeat(188)}😀😀…`);
});

test('percent-coding never throws, and what it coded comes back', () => {
  fc.assert(fc.property(codeUnits, (text) => assert.equal(decodeURIComponent(percentEncode(text)), text.toWellFormed())));
});
