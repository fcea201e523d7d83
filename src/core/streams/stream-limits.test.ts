import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeClock } from '../../../test/support/time/clock.ts';
import type { Fault } from '../kit/fault.ts';
import { openStreamPlaces } from './stream-limits.ts';

const open = (limits: { perUser?: number; perAddress?: number; beginsPerSecond?: number }) => {
  const clock = fakeClock();
  const all = { perUser: 1_000, perAddress: undefined, beginsPerSecond: 100, ...limits };
  return { clock, places: openStreamPlaces(all, clock) };
};
const reasonOf = (work: () => unknown) => {
  try {
    work();
    return 'none';
  } catch (error) {
    return (error as Fault).reason;
  }
};

test('streams of one address are bounded where that is set: an IPv6 subscriber has a /64', () => {
  const { places } = open({ perAddress: 2 });
  const take = (user: string, address: string) => reasonOf(() => places.takePlace(user, address));
  const give = places.takePlace('a', '2001:db8:1:2::1');
  assert.equal(take('b', '2001:db8:1:2:ffff::9'), 'none');
  assert.equal(take('c', '2001:db8:1:2:3::1'), 'STREAMS_TOO_MANY');
  assert.equal(take('c', '2001:db8:1:3::1'), 'none');
  give();
  assert.equal(take('c', '2001:db8:1:2:3::1'), 'none');
  assert.equal(take('d', '2001:db8:1:2:3::1'), 'STREAMS_TOO_MANY');
});

test('behind a balancer, whose address is that of all, nothing bounds the address', () => {
  const { places } = open({});
  for (let i = 0; i < 5_000; i++) places.takePlace(`user ${i}`, '10.0.0.1');
});

test('what one user begins is bounded in time, and others are not affected', async () => {
  const { places, clock } = open({ beginsPerSecond: 1 });
  for (let i = 0; i < 50; i++) places.takePlace('a', '10.0.0.1')();
  for (let i = 0; i < 50; i++) assert.equal(places.mayBegin('a'), true);
  assert.equal(places.mayBegin('a'), false);
  assert.equal(
    reasonOf(() => places.takePlace('a', '10.0.0.1')),
    'MESSAGES_TOO_MANY',
  );
  assert.equal(places.mayBegin('b'), true);
  await clock.advance(2_000);
  assert.deepEqual([places.mayBegin('a'), places.mayBegin('a'), places.mayBegin('a')], [true, true, false]);
});
