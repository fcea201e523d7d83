import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeClock } from '../../../../../test/support/time/clock.ts';
import { answersWithin, NoAnswer } from './command-timeout.ts';

const turn = () => new Promise<void>((done) => setImmediate(() => setImmediate(done)));

test('an answer in time is passed on, one that is late is not waited for', async () => {
  const clock = fakeClock();
  const within = answersWithin(250, clock);
  assert.equal(await within(Promise.resolve(1)), 1);
  await assert.rejects(within(Promise.reject(new Error('its own'))), /its own/);
  const first = within(new Promise(() => {}));
  await clock.advance(100);
  const second = within(new Promise(() => {}));
  let ended = '';
  first.catch((error) => (ended += error instanceof NoAnswer ? 'first ' : ''));
  second.catch((error) => (ended += error instanceof NoAnswer ? 'second ' : ''));
  await clock.advance(150);
  await turn();
  assert.equal(ended, 'first ');
  await clock.advance(100);
  await turn();
  assert.equal(ended, 'first second ');
});

test('an answer that came while the loop was held up counts, though the time is over', async () => {
  const clock = fakeClock();
  const within = answersWithin(250, clock);
  const { promise, resolve } = Promise.withResolvers<string>();
  const answer = within(promise);
  const advanced = clock.advance(1_000); // the timer fires …
  resolve('there'); // … and the same turn of the loop reads the socket
  await advanced;
  assert.equal(await answer, 'there');
});
