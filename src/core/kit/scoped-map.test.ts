import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { openScopedMap } from './scoped-map.ts';

test('whatever one scope sets, it drops nothing of the others, and what is kept stays within its bounds', () => {
  const steps = fc.array(fc.record({ key: fc.nat(200), remove: fc.boolean(), size: fc.integer({ min: 1, max: 12 }) }), { maxLength: 500 });
  fc.assert(
    fc.property(steps, (steps) => {
      const map = openScopedMap<number>(100);
      const others = Array.from({ length: 9 }, (_, i) => ({ key: `of ${i}`, scope: `scope ${i}` }));
      for (const key of others) map.set(key, 10, 10);
      for (const { key, remove, size } of steps) {
        if (remove) map.delete(`mine ${key}`);
        else map.set({ key: `mine ${key}`, scope: 'mine' }, size, size);
        const mine = Array.from({ length: 201 }, (_, i) => map.get(`mine ${i}`) ?? 0).reduce((sum, one) => sum + one, 0);
        assert.ok(mine <= 10);
        assert.deepEqual(
          others.map(({ key }) => map.get(key)),
          others.map(() => 10),
        );
      }
    }),
  );
});

test('over the bound of all the oldest goes, whosever it is, and a key that is set again is the newest', () => {
  const map = openScopedMap<string>(10);
  for (let i = 0; i < 10; i++) map.set({ key: `${i}`, scope: `scope ${i}` }, 'first');
  map.set({ key: '0', scope: 'scope 0' }, 'again');
  map.set({ key: 'new', scope: 'scope new' }, 'first');
  assert.deepEqual([map.size, map.get('0'), map.get('1'), map.get('new'), map.oldest()?.[0]], [10, 'again', undefined, 'first', '2']);
  map.set({ key: 'large', scope: 'scope large' }, 'larger than a share', 2);
  assert.deepEqual([map.size, map.get('large')], [10, undefined]);
});

test('a key that comes with another scope counts for that one', () => {
  const map = openScopedMap<number>(20);
  map.set({ key: 'a', scope: 'one' }, 1, 2);
  map.set({ key: 'a', scope: 'other' }, 2, 1);
  map.set({ key: 'b', scope: 'one' }, 3, 2);
  assert.deepEqual([map.get('a'), map.get('b')], [2, 3]);
});
