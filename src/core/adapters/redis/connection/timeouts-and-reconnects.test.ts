import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import type { Redis } from 'ioredis';
import { fakeClock } from '../../../../../test/support/time/clock.ts';
import { answersWithin, NoAnswer, reconnect } from './timeouts-and-reconnects.ts';

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

test('a client that gave up is connected again until it is closed', async () => {
  const clock = fakeClock();
  const events = new EventEmitter();
  let connects = 0;
  let closed = false;
  const connect = async () => {
    connects++;
    events.emit('end');
    throw new Error('Connection is closed.');
  };
  const on = events.on.bind(events);
  reconnect({ status: 'end', connect, on } as unknown as Redis, clock, () => closed);
  events.emit('end');
  await clock.advance(350);
  assert.equal(connects, 3);
  closed = true;
  await clock.advance(1_000);
  assert.equal(connects, 3);
});
