import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quietLog } from '../../../../test/support/log.ts';
import { fakeClock } from '../../../../test/support/time/clock.ts';
import { until } from '../../../../test/support/time/until.ts';
import { memoryBus } from '../memory/bus.ts';
import { busAnnouncements } from './bus-announcements.ts';

test('streams of users are called when the database has another history than before, and only then', async () => {
  let databaseId: string | undefined = 'a';
  let reads = 0;
  const chat = {
    databaseId: async () => databaseId,
    tops: async () => {
      reads++;
      return { conversations: new Map([['c', 1]]), users: new Map([['ann', 1]]) };
    },
  };
  const clock = fakeClock();
  const announcements = busAnnouncements({ bus: memoryBus(quietLog), chat, clock, log: quietLog, replica: 'r', lookMs: 40_000 });
  const calls: string[] = [];
  const listener = { onAnnounced: () => {}, onTop: (seq: number) => void calls.push(`top ${seq}`) };
  announcements.follow({ userId: 'ann' }, { ...listener, onReplaced: () => void calls.push('replaced') });
  announcements.follow({ conversationId: 'c' }, listener);
  const look = async () => {
    const before = reads;
    await clock.advance(40_000);
    await until('it has looked', () => reads > before);
    return calls.splice(0);
  };
  await until('the first look', () => reads > 0);
  calls.length = 0;
  assert.ok(!(await look()).includes('replaced'));
  databaseId = 'b';
  assert.equal((await look()).filter((call) => call === 'replaced').length, 1);
  assert.ok(!(await look()).includes('replaced'));
  announcements.close();
});
