import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { getHeapSpaceStatistics } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { openYoungCollector } from './young-garbage.ts';

const youngBytes = () => getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space')?.space_used_size ?? 0;

/** How many of 50 times, in which 3 MB of objects were made, fewer than 2 MB are left of all young ones. */
async function emptied(collect: () => void): Promise<number> {
  let count = 0;
  let some: unknown[] = [];
  for (let round = 0; round < 50; round++) {
    for (let i = 0; i < 40_000; i++) some.push({ i, round });
    some = [];
    collect();
    if (youngBytes() < 2 * 2 ** 20) count++;
    await turn();
  }
  return count;
}

test('young objects are collected when there are many, and no other code gets a gc', async () => {
  const [without, withIt] = [await emptied(() => {}), await emptied(openYoungCollector())];
  assert.ok(withIt > 40 && withIt > without, `${withIt} and ${without}`);
  assert.equal(runInNewContext('typeof gc'), 'undefined');
});
