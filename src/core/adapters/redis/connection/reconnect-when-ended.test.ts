import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { test } from 'node:test';
import type { Redis } from 'ioredis';
import { fakeClock } from '../../../../../test/support/time/clock.ts';
import { reconnect } from './reconnect-when-ended.ts';

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
