import assert from 'node:assert/strict';
import { test } from 'node:test';
import { didYouMean, nearest } from './did-you-mean.ts';

test('a slip of the keys is found, whatever its kind', () => {
  const names = ['port', 'host', 'plaintext', 'corsOrigins'];
  for (const [wrong, meant] of [
    ['prot', 'port'],
    ['prt', 'port'],
    ['poort', 'port'],
    ['PORT', 'port'],
    ['plainText', 'plaintext'],
    ['corsOrigin', 'corsOrigins'],
  ] as const) {
    assert.equal(nearest(wrong, names), meant, wrong);
  }
});

test('what is like nothing gets no hint', () => {
  assert.equal(nearest('zebra', ['port', 'host']), undefined);
  assert.equal(nearest('x', []), undefined);
  assert.deepEqual([didYouMean('hots', ['host']), didYouMean('zebra', ['host'])], [' Did you mean "host"?', '']);
});
