import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quietLog } from '../../../test/support/log.ts';
import { fakeClock } from '../../../test/support/time/clock.ts';
import type { Fault } from '../kit/fault.ts';
import { openRegistry } from './registry-of-streams.ts';

const bus = { publish: async () => {}, subscribe: async () => ({ isWhole: () => true, close: () => {} }) };
const open = (limits: { perUser?: number; perAddress?: number; beginsPerSecond?: number }) => {
  const clock = fakeClock();
  const all = { perUser: 1_000, perAddress: undefined, beginsPerSecond: 100, ...limits };
  return { clock, registry: openRegistry({ bus, clock, limits: all, random: () => 0, log: quietLog, topic: 't' }) };
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
  const { registry } = open({ perAddress: 2 });
  const take = (user: string, address: string) => reasonOf(() => registry.takePlace(user, address));
  const give = registry.takePlace('a', '2001:db8:1:2::1');
  assert.equal(take('b', '2001:db8:1:2:ffff::9'), 'none');
  assert.equal(take('c', '2001:db8:1:2:3::1'), 'STREAMS_TOO_MANY');
  assert.equal(take('c', '2001:db8:1:3::1'), 'none');
  give();
  assert.equal(take('c', '2001:db8:1:2:3::1'), 'none');
  assert.equal(take('d', '2001:db8:1:2:3::1'), 'STREAMS_TOO_MANY');
});

test('behind a balancer, whose address is that of all, nothing bounds the address', () => {
  const { registry } = open({});
  for (let i = 0; i < 5_000; i++) registry.takePlace(`user ${i}`, '10.0.0.1');
});

test('what one user begins is bounded in time, and others are not affected', async () => {
  const { registry, clock } = open({ beginsPerSecond: 1 });
  for (let i = 0; i < 50; i++) registry.takePlace('a', '10.0.0.1')();
  for (let i = 0; i < 50; i++) assert.equal(registry.mayBegin('a'), true);
  assert.equal(registry.mayBegin('a'), false);
  assert.equal(
    reasonOf(() => registry.takePlace('a', '10.0.0.1')),
    'MESSAGES_TOO_MANY',
  );
  assert.equal(registry.mayBegin('b'), true);
  await clock.advance(2_000);
  assert.deepEqual([registry.mayBegin('a'), registry.mayBegin('a'), registry.mayBegin('a')], [true, true, false]);
});
