import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quietLog } from '../../../../test/support/log.ts';
import { fakeClock } from '../../../../test/support/time/clock.ts';
import { type Members, presenceBy } from './refresh-presence.ts';

const limits = { listMax: 10, leaveAfterMs: 0 };

test('a late answer about those who have left does not forget those who have come since', async () => {
  const clock = fakeClock();
  const steps: { readonly members: Members; answer(dueMs: number | undefined): void }[] = [];
  const store = {
    apply: (_topic: string, members: Members) =>
      new Promise<number | undefined>((answer) => {
        steps.push({ members, answer });
      }),
    state: () => Promise.reject(new Error('Nobody asks.')),
  };
  const { presence, repeat } = presenceBy(store, { clock, log: quietLog, replica: 'r' });
  const step = async (at: number) => {
    await clock.advance(0);
    return steps[at] ?? assert.fail(`There is no step ${at}.`);
  };
  const ada = presence.join('t', 'ada', limits);
  (await step(0)).answer(100);
  const { leave } = await ada;
  await clock.advance(100); // somebody's time is over
  const late = await step(1);
  void leave();
  (await step(2)).answer(undefined);
  await clock.advance(0); // nobody is here any more
  const eve = presence.join('t', 'eve', limits);
  (await step(3)).answer(undefined);
  await eve;
  late.answer(undefined);
  await clock.advance(0);
  void repeat();
  assert.deepEqual((await step(4)).members.present, ['eve']);
  presence.close();
});
