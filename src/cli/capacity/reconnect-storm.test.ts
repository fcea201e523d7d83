import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { seededRandom } from './random-numbers.ts';
import { jitterSecondsFor, simulateStorm } from './reconnect-storm.ts';

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
const most = (values: readonly number[]) => values.reduce((a, b) => Math.max(a, b), 0);
/** Cases repeat: a seed is part of each, and the jitter is one of 99 %. */
const repeatable = { seed: 14, numRuns: 150 };
const seeds = fc.nat();
const clients = fc.integer({ min: 1, max: 2_000_000 });
const rates = fc.integer({ min: 500, max: 20_000 });

test('every client returns once, and no second accepts more than the rate, whatever the jitter', () => {
  const property = fc.property(clients, rates, fc.integer({ min: 0, max: 600 }), seeds, (clients, rate, jitterSeconds, seed) => {
    const { attempts, accepted } = simulateStorm({ clients, handshakesPerSecond: rate, jitterSeconds }, seededRandom(seed));
    assert.equal(sum(accepted), clients);
    assert.ok(most(accepted) <= rate);
    assert.ok(sum(attempts) >= clients);
    for (const [second, count] of accepted.entries()) assert.equal(count, Math.min(attempts[second] ?? 0, rate));
    assert.ok(attempts.length >= clients / rate, 'faster than the rate');
  });
  fc.assert(property, repeatable);
});

test('by the jitter of the closed form nobody is refused, and it is no shorter than clients divided by rate', () => {
  const property = fc.property(clients, rates, seeds, (clients, rate, seed) => {
    const jitterSeconds = jitterSecondsFor(clients, rate);
    const { attempts } = simulateStorm({ clients, handshakesPerSecond: rate, jitterSeconds }, seededRandom(seed));
    assert.ok(most(attempts) <= rate, `${most(attempts)} of ${rate} came in a second`);
    assert.equal(sum(attempts), clients);
    assert.ok(attempts.length <= jitterSeconds);
    assert.ok(jitterSeconds >= clients / rate, 'the mean alone is above the rate');
  });
  fc.assert(property, repeatable);
});

test('clients come evenly within the jitter: each second has the mean and the variance of the binomial distribution', () => {
  const [clients, jitterSeconds] = [300_000, 300];
  const { attempts } = simulateStorm({ clients, handshakesPerSecond: 1e8, jitterSeconds }, seededRandom(7));
  const mean = clients / jitterSeconds;
  const variance = sum(attempts.map((count) => (count - mean) ** 2)) / jitterSeconds;
  assert.equal(sum(attempts) / jitterSeconds, mean);
  assert.ok(variance > 0.75 * mean && variance < 1.3 * mean, `${variance} instead of about ${mean}`); // 99.9 % of chi-square(299)
});

test('the jitter nears clients divided by rate where both are large, and is never shorter', () => {
  for (const scale of [1, 10, 100, 1_000]) {
    const jitter = jitterSecondsFor(600_000 * scale, 1_000 * scale);
    assert.ok(jitter >= 600, `${jitter}`);
    if (scale === 1_000) assert.ok(jitter < 612, `${jitter}`);
  }
  assert.equal(jitterSecondsFor(500, 500), 1);
});

test('the same seed gives the same storm, and another seed another one', () => {
  const storm = (seed: number) => simulateStorm({ clients: 100_000, handshakesPerSecond: 1_000, jitterSeconds: 60 }, seededRandom(seed));
  assert.deepEqual(storm(1), storm(1));
  assert.notDeepEqual(storm(1), storm(2));
});

test('a return that takes more than a day is an error that says what to do', () => {
  assert.throws(() => jitterSecondsFor(1e9, 100), /allow more of them/);
  assert.throws(() => simulateStorm({ clients: 1e8, handshakesPerSecond: 100, jitterSeconds: 0 }, seededRandom(1)), /more than a day/);
});
