import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { fakeClock } from '../../../test/support/time/clock.ts';
import { beginWhen, repeat, tryAgain } from './background-work.ts';

test('a run that fails is warned of and repeated after its own time', async () => {
  const clock = fakeClock(0);
  const runs: number[] = [];
  const warned: unknown[] = [];
  const failure = new Error('not now');
  const run = async () => {
    runs.push(clock.nowMs());
    if (runs.length === 2) throw failure;
    return 10;
  };
  const stop = repeat(
    clock,
    5,
    tryAgain(100, (error) => warned.push(error), run),
  );
  await clock.advance(120);
  assert.deepEqual(runs, [5, 15, 115]);
  assert.deepEqual(warned, [failure]);
  stop();
  await clock.advance(1_000);
  assert.equal(runs.length, 3);
});

test('a run that fails after the stop is not warned of', async () => {
  const clock = fakeClock(0);
  const { promise, reject } = Promise.withResolvers<number>();
  const warned: unknown[] = [];
  const stop = repeat(
    clock,
    0,
    tryAgain(
      100,
      (error) => warned.push(error),
      () => promise,
    ),
  );
  await clock.advance(1);
  stop();
  reject(new Error('The server is stopping.'));
  await clock.advance(1_000);
  assert.deepEqual(warned, []);
});

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
