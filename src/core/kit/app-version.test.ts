import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type AppVersions, isOutdated, versionOf } from './app-version.ts';

const blocked = ['4.1.7', '4.2.0+77', '4.3.0 (9)', '5.0-beta.1'];
for (const [version, outdated] of [
  ['3.8.99', true],
  ['3.9', false],
  ['v3.9.0-rc.1', false],
  ['3.10', false], // numbers, not texts
  ['4.1.7', true],
  ['4.1.7.0', true],
  ['v4.1.7 (1203)', true],
  ['4.1.7+5', true],
  ['4.1.70', false],
  ['4.2.0', false],
  ['4.2.0+77', true],
  ['4.2.0 (77)', true],
  ['4.2+77', true],
  ['4.2.0+7', false],
  ['4.2.0+770', false],
  ['4.2.1+77', false],
  ['4.3.0+9', true],
  ['5.0-beta.1', true],
  ['5.0.0-beta.1', true],
  ['5.0-beta.10', false],
  ['5.0', false],
  ['', false],
  ['4.1.x', false],
  ['-1', false],
  ['1.2.3.4.5', false],
  ['9'.repeat(30), false],
  [`1.0 ${'x'.repeat(200)}`, false],
] as const)
  test(`"${version.slice(0, 40)}" must ${outdated ? '' : 'not '}be updated`, () => {
    assert.equal(isOutdated(version, { least: '3.9', blocked }), outdated);
  });

test('where nothing is set, no version must be updated', () => {
  for (const set of [{}, { advised: '99' }, { blocked: [] }] satisfies AppVersions[]) assert.equal(isOutdated('0.1', set), false);
});

test('versions are ordered by their numbers, whatever stands around them', () => {
  const numbers = fc.array(fc.nat(999_999_999), { minLength: 1, maxLength: 4 });
  const around = fc.tuple(fc.constantFrom('', 'v'), fc.constantFrom('', '-beta.1', '+77', ' (1203)'));
  const order = (a: readonly number[], b: readonly number[]) => {
    const at = [0, 1, 2, 3].find((i) => (a[i] ?? 0) !== (b[i] ?? 0));
    return at === undefined ? 0 : Math.sign((a[at] ?? 0) - (b[at] ?? 0));
  };
  fc.assert(
    fc.property(numbers, numbers, around, around, (a, b, [beforeA, afterA], [beforeB, afterB]) => {
      const [one, other] = [versionOf(beforeA + a.join('.') + afterA) ?? '', versionOf(beforeB + b.join('.') + afterB) ?? ''];
      assert.equal(one < other ? -1 : one > other ? 1 : 0, order(a, b));
      assert.equal(isOutdated(beforeA + a.join('.') + afterA, { least: b.join('.') }), order(a, b) < 0);
    }),
  );
});
