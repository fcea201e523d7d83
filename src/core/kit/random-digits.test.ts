import assert from 'node:assert/strict';
import { test } from 'node:test';
import { randomDigits } from './random-digits.ts';

test('random digits have the length that was asked for, and no byte is given out twice', () => {
  let draws = 0;
  const digits = randomDigits((bytes) => {
    for (let i = 0; i < bytes.length; i += 4) bytes.writeUInt32BE(draws++, i);
  });
  const given = Array.from({ length: 3_000 }, () => digits(8)); // three draws of 1,024 such numbers
  assert.equal(new Set(given).size, 3_000);
  assert.ok(given.every((text) => /^[0-9a-f]{8}$/.test(text)));
});

test('a draw that does not suffice is left, so that every digit is fresh', () => {
  let draws = 0;
  const digits = randomDigits((bytes) => bytes.fill(++draws));
  assert.equal(digits(32), '01'.repeat(16));
  assert.equal(digits(8_192), '02'.repeat(4_096));
  assert.equal(digits(16), '03'.repeat(8));
});

test('the real digits differ', () => {
  const digits = randomDigits();
  assert.notEqual(digits(32), digits(32));
});
