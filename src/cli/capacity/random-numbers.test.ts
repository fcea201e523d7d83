import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { binomial, seededRandom, spread } from './random-numbers.ts';

test('mean and variance are those of the distribution, drawn, added up or approximated', () => {
  for (const [n, p] of [
    [40, 0.3],
    [64, 0.9],
    [65, 0.01],
    [5_000, 0.001],
    [5_000, 0.999],
    [10_000, 0.5],
    [1_000_000, 0.01],
  ] as const) {
    const random = seededRandom(3);
    const draws = Array.from({ length: 4_000 }, () => binomial(n, p, random));
    const mean = draws.reduce((a, b) => a + b, 0) / draws.length;
    const variance = draws.reduce((a, b) => a + (b - mean) ** 2, 0) / draws.length;
    const expected = n * p * (1 - p);
    assert.ok(Math.abs(mean - n * p) < 5 * Math.sqrt(expected / draws.length), `mean of ${n}, ${p}: ${mean}`);
    assert.ok(variance > 0.85 * expected && variance < 1.15 * expected, `variance of ${n}, ${p}: ${variance} instead of ${expected}`);
  }
});

test('what is spread is all there, in as many places as asked for', () => {
  const property = fc.property(fc.integer({ min: 0, max: 1e9 }), fc.integer({ min: 1, max: 200 }), fc.nat(), (n, places, seed) => {
    const all = spread(n, places, seededRandom(seed));
    assert.equal(all.length, places);
    assert.equal(
      all.reduce((a, b) => a + b, 0),
      n,
    );
    assert.ok(all.every((count) => Number.isInteger(count) && count >= 0));
  });
  fc.assert(property);
});
