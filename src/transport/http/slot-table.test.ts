import assert from 'node:assert/strict';
import { test } from 'node:test';
import { slots } from './slot-table.ts';

test('a slot is used again, and who comes late does not empty it for its new holder', () => {
  const kept = slots<{ readonly name: string }>();
  const [first, second] = [{ name: 'first' }, { name: 'second' }];
  const slot = kept.put(first);
  assert.equal(kept.get(slot), first);
  kept.drop(slot, first);
  assert.equal(kept.get(slot), undefined);
  assert.equal(kept.put(second), slot);
  kept.drop(slot, first);
  assert.deepEqual(kept.all(), [second]);
});
