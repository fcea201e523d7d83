import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { beginWhen } from './begin-when.ts';

for (const [what, isStoppedBefore, isOpened, expected] of [
  ['begins when what it needs has opened, and is stopped', false, true, ['begun', 'stopped']],
  ['does not begin once it is stopped', true, true, []],
  ['never begins without what it needs', false, false, []],
] as const)
  test(`work ${what}`, async () => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const said: string[] = [];
    const stop = beginWhen(promise, () => {
      said.push('begun');
      return () => said.push('stopped');
    });
    if (isStoppedBefore) stop();
    if (isOpened) resolve();
    else reject(new Error('no database'));
    await setImmediate();
    stop();
    assert.deepEqual(said, expected);
  });
