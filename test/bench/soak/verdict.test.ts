import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { seeded } from '../../support/time/seeded.ts';
import type { Sample } from './sample.ts';
import { lineThrough, verdictOf } from './verdict.ts';

const mib = 2 ** 20;
/** Ten minutes, by a sample every ten seconds. @param of what differs, with a noise from −1 to 1 */
function samplesOf(of: (atSeconds: number, noise: number) => Partial<Sample>, { seed = 1, seconds = 600 } = {}): Sample[] {
  const random = seeded(seed);
  return Array.from({ length: seconds / 10 }, (_, i) => {
    const still = { heapBytes: 200 * mib, rssBytes: 400 * mib, handles: 2_050, streams: 2_000, lagP50Seconds: 0.01, lagP99Seconds: 0.03 };
    return { atSeconds: i * 10, cpuSeconds: i, failures: 0, operations: i * 6_000, ...still, ...of(i * 10, 2 * random() - 1) };
  });
}

test('a leak is found by what grows, also in noise and beside what does not', () => {
  const cases = {
    heapBytes: (at: number, noise: number) => ({ heapBytes: (200 + at * 0.06 + 4 * noise) * mib }), // 100 bytes for each of 600 operations a second
    rssBytes: (at: number, noise: number) => ({ rssBytes: (400 + at * 0.15 + 8 * noise) * mib }),
    handles: (at: number, noise: number) => ({ handles: Math.round(2_050 + at + 20 * noise) }),
    streams: (at: number) => ({ streams: 2_000 + at }),
    lagP99Seconds: (at: number, noise: number) => ({ lagP99Seconds: 0.03 * (1 + at / 60) + 0.005 * noise }),
  };
  for (const [name, of] of Object.entries(cases)) {
    const { ok, said } = verdictOf(samplesOf(of));
    assert.deepEqual([ok, said.length, said[0]?.split(' ')[0]], [false, 1, name]);
  }
});

test('noise alone is no growth, whatever the seed, nor is what grew in the first half only', () => {
  const noisy = fc.property(fc.nat(), (seed) => {
    const samples = samplesOf((_, noise) => ({ heapBytes: (200 + 20 * noise) * mib, lagP99Seconds: 0.03 + 0.02 * noise }), { seed });
    assert.deepEqual(verdictOf(samples).said, []);
  });
  fc.assert(noisy, { seed: 14, numRuns: 300 });
  const warmUp = samplesOf((at) => ({ rssBytes: (300 + Math.min(at, 250)) * mib }));
  assert.equal(verdictOf(warmUp).ok, true);
});

test('what was as high before is no growth, wherever the end finds it', () => {
  const swinging = fc.property(fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 60, max: 600 }), (phase, period) => {
    const at0 = (at: number) => 280 + 12 * Math.sin(2 * Math.PI * (phase + at / period));
    const wasAsHigh = [...Array(15).keys()].reduce((sum, i) => sum + at0(150 + 10 * i) - at0(450 + 10 * i), 0) >= 0;
    if (wasAsHigh || period <= 300) assert.deepEqual(verdictOf(samplesOf((at, noise) => ({ heapBytes: (at0(at) + 4 * noise) * mib }))).said, []);
    if (period <= 300) assert.equal(verdictOf(samplesOf((at, noise) => ({ heapBytes: (at0(at) + 4 * noise + at * 0.3) * mib }))).ok, false);
  });
  fc.assert(swinging, { seed: 14, numRuns: 1_000 });
});

test('what shrinks is no growth, and neither is a rise below the bound', () => {
  assert.equal(verdictOf(samplesOf((at) => ({ heapBytes: (300 - at / 10) * mib }))).ok, true);
  assert.equal(verdictOf(samplesOf((at) => ({ heapBytes: (200 + at * 0.01) * mib }))).ok, true);
});

test('a failed operation is never good, and a short run says that it judges no growth', () => {
  const failed = verdictOf(samplesOf((at) => ({ failures: at > 500 ? 1 : 0 })));
  assert.deepEqual([failed.ok, failed.said], [false, ['1 operations failed']]);
  const short = verdictOf(samplesOf((at) => ({ heapBytes: (200 + at) * mib }), { seconds: 60 }));
  assert.deepEqual([short.ok, short.judged], [true, false]);
});

test('the line through exact points is theirs', () => {
  const line = fc.property(fc.integer({ min: -100, max: 100 }), fc.integer({ min: -1_000, max: 1_000 }), (slope, first) => {
    const found = lineThrough(Array.from({ length: 20 }, (_, x) => [x, first + slope * x]));
    assert.ok(Math.abs(found.slope - slope) < 1e-9 && found.error < 1e-6);
  });
  fc.assert(line);
  assert.equal(lineThrough([[1, 2]]).slope, 0);
});
