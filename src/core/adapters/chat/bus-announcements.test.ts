import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quietLog } from '../../../../test/support/log.ts';
import { fakeClock } from '../../../../test/support/time/clock.ts';
import { until } from '../../../../test/support/time/until.ts';
import { memoryBus } from '../memory/bus.ts';
import { noSpans } from '../telemetry/messaging-spans.ts';
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
  const announcements = busAnnouncements({ spans: noSpans, bus: memoryBus(quietLog), chat, clock, log: quietLog, replica: 'r', lookMs: 40_000 });
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

test('streams of users are called when the database has lost what was announced, though it says that its history is the same', async () => {
  const tops = { c: 10, ann: 5 };
  const chat = {
    databaseId: async () => 'a',
    tops: async (ids: readonly string[], userIds: readonly string[]) => ({
      conversations: new Map(ids.map((id) => [id, tops.c])),
      users: new Map(userIds.map((id) => [id, tops.ann])),
    }),
  };
  const clock = fakeClock();
  const bus = memoryBus(quietLog);
  const [one, two] = ['r1', 'r2'].map((replica) => busAnnouncements({ spans: noSpans, bus, chat, clock, log: quietLog, replica, lookMs: 40_000 }));
  assert.ok(one !== undefined && two !== undefined);
  const calls: string[] = [];
  const listener = { onAnnounced: () => {}, onTop: (seq: number) => void calls.push(`top ${seq}`) };
  one.follow({ userId: 'ann' }, { ...listener, onReplaced: () => void calls.push('replaced') });
  one.follow({ conversationId: 'c' }, listener);
  const message = new Uint8Array(1);
  const announce = async (seq: number, from = two) => {
    from.announce({ conversationId: 'c' }, { seqs: [seq, seq], message });
    await clock.advance(1_000);
  };
  await until('both were looked at', () => calls.includes('top 10') && calls.includes('top 5'));

  tops.c = 13;
  for (const seq of [11, 13, 12]) await announce(seq); // the last one late
  await until('it has looked, because it may have been a repeat', () => calls.includes('top 13'));
  assert.ok(!calls.includes('replaced'));

  tops.c = 12; // it was 11, and 12 is another event now
  await announce(12, one);
  await until('what was announced at this replica is noticed', () => calls.includes('replaced'));
  calls.length = 0;
  tops.c = 14;
  for (const seq of [13, 14]) await announce(seq);
  tops.ann = 4;
  await clock.advance(40_000);
  await until('the own changes of a user are noticed, too', () => calls.includes('replaced'));
  one.close();
  two.close();
});
