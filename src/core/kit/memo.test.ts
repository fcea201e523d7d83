import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memo } from './memo.ts';

test('a value is made once for each name, within both bounds', () => {
  const made: string[] = [];
  const lookUp = memo<string>(2, 3);
  const ask = (name: string) =>
    lookUp(name, () => {
      made.push(name);
      return name.toUpperCase();
    });
  assert.deepEqual(['a', 'a', 'b', 'a', 'long', 'long'].map(ask), ['A', 'A', 'B', 'A', 'LONG', 'LONG']);
  assert.deepEqual(made, ['a', 'b', 'long', 'long']);
  assert.deepEqual(['c', 'a', 'c'].map(ask), ['C', 'A', 'C']);
  assert.deepEqual(made, ['a', 'b', 'long', 'long', 'c', 'a']);
});
