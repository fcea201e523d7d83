import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeContext } from './fake-context.ts';
import { fanOut, optional, required } from './fan-out.ts';

test('parts that are named alike are a defect of the screen, and none is given what the other got', async () => {
  const context = fakeContext();
  const { parts } = await fanOut(context, { order: required(async () => 'the first') });
  assert.equal(parts.order, 'the first');
  await assert.rejects(fanOut(context, { order: required(async () => 'the second') }), /Two parts of this screen are called order/);
  assert.deepEqual((await fanOut(fakeContext(), { order: required(async () => 'the second') })).parts, { order: 'the second' });
});

test('a required part that fails ends the screen while others still run', async () => {
  const never = new Promise<string>(() => {});
  const failed = fanOut(fakeContext(), { order: required(() => Promise.reject(new Error('down'))), offers: optional(() => never) });
  await assert.rejects(failed, /down/);
});

test('an optional part that throws before it returns is missing, like one that fails later', async () => {
  const { parts, missing } = await fanOut(fakeContext(), {
    now: optional((): Promise<string> => {
      throw new Error('at once');
    }),
    later: optional(() => Promise.reject(new Error('later'))),
  });
  assert.deepEqual(parts, {});
  assert.deepEqual(missing, [
    { name: 'now', reason: 'INTERNAL' },
    { name: 'later', reason: 'INTERNAL' },
  ]);
});
