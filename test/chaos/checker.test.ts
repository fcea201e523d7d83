// The checker finds nothing under these faults. Without the safeguard that each is for it does:
// test/cache/safeguards.test.ts.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutVersionCheck } from './bare.ts';
import { cutOff, oldIsFoundUnder, rewind, under } from './bare-load.ts';

test('a Redis that comes back with what it had a while ago: nothing old is served as fresh', async () => {
  assert.deepEqual((await under(rewind)).staleAsFresh, []);
});

test('a replica that does not ask for versions is found without any fault', async () => {
  let found = false;
  for (let seed = 1; !found && seed <= 6; seed++) found = await oldIsFoundUnder(async () => {}, withoutVersionCheck, seed);
  assert.ok(found);
});

test('one replica that is cut off serves nothing old as fresh', async () => {
  assert.deepEqual((await under(cutOff)).staleAsFresh, []);
});
