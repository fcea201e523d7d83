import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quietLog } from '../../../../test/support/log.ts';
import { fakeClock } from '../../../../test/support/time/clock.ts';
import { until } from '../../../../test/support/time/until.ts';
import { memoryBus } from '../memory/bus.ts';
import { noSpans } from '../telemetry/messaging-spans.ts';
import { busAnnouncements } from './bus-announcements.ts';

const run = { databaseId: 'a', startedAt: 'noon' };

test('streams of users are called when the database is of another run than before, and only then', async () => {
  let startedAt = 'a';
  let reads = 0;
  const chat = {
    databaseRun: async () => ({ databaseId: undefined, startedAt }),
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
  startedAt = 'b';
  assert.equal((await look()).filter((call) => call === 'replaced').length, 1);
  assert.ok(!(await look()).includes('replaced'));
  announcements.close();
});

test('streams of users are called when the database has lost what was announced, though it says that its history is the same', async () => {
  const tops = { c: 10, ann: 5 };
  const chat = {
    databaseRun: async () => run,
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

const announcement = new Uint8Array(1);
const events = (first: number, last = first) => ({ seqs: [first, last] as const, message: announcement });

test('a restored database is noticed before anything of it is delivered, though it has more than was announced before it could be asked', async () => {
  let stored = 0;
  const chat = {
    databaseRun: async () => run,
    tops: async (ids: readonly string[]) => ({ conversations: new Map(ids.map((id) => [id, stored])), users: new Map<string, number>() }),
  };
  const bus = memoryBus(quietLog);
  const open = (replica: string) => busAnnouncements({ spans: noSpans, bus, chat, clock: fakeClock(), log: quietLog, replica });
  const [one, two] = [open('r1'), open('r2')];
  const calls: string[] = [];
  one.follow({ userId: 'ann' }, { onAnnounced: () => {}, onTop: () => {}, onReplaced: () => void calls.push('replaced') });
  one.follow(
    { conversationId: 'c' },
    { onAnnounced: ({ seqs }) => void calls.push(`events ${seqs}`), onTop: (top) => void calls.push(`top ${top}`) },
  );
  await until('it has looked', () => calls.includes('top 0'));
  calls.length = 0;
  const announce = (...all: readonly (readonly [number, number])[]) => {
    for (const [n, [first, last]] of all.entries()) [one, two][n % 2]?.announce({ conversationId: 'c' }, events(first, last));
  };
  announce([1, 3], [4, 4], [6, 6], [5, 5], [7, 9]);
  await until('all have come', () => calls.length === 5);
  assert.deepEqual(calls.splice(0).sort(), ['events 1,3', 'events 4,4', 'events 5,5', 'events 6,6', 'events 7,9'], 'late ones are nothing special');

  const each = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => [from + n, from + n] as const);
  announce(...each(10, 30));
  await until('these have come', () => calls.includes('events 30,30'));
  calls.length = 0;

  stored = 31; // it was restored with the first 8 events, and has 23 more
  announce(...each(9, 31));
  await until('it is noticed', () => calls.includes('replaced'));
  const before = calls.slice(0, calls.indexOf('replaced'));
  assert.ok(!before.some((call) => call.startsWith('top') || call === 'events 31,31'), `its listeners have other events before these: ${before}`);
  await until('all have come', () => calls.includes('events 31,31'));
  calls.length = 0;
  announce(...each(32, 50));
  await until('what follows is delivered', () => calls.includes('events 50,50'));
  assert.ok(!calls.includes('replaced'), calls.join());
  one.close();
  two.close();
});

test('the same announcement twice, two changes at once with one number, and a replica of an older release are no sign of a restored database', async () => {
  const chat = { databaseRun: async () => run, tops: async () => ({ conversations: new Map([['c', 9]]), users: new Map([['ann', 9]]) }) };
  const bus = memoryBus(quietLog);
  const publish = bus.publish.bind(bus);
  let times = 2;
  bus.publish = async (topic, bytes) => {
    let copy = bytes;
    if (times === 1)
      copy = Buffer.from(
        Buffer.from(bytes)
          .toString('latin1')
          .replace(/,"id":"[^"]*"/, ''),
        'latin1',
      );
    for (let n = 0; n < times; n++) await publish(topic, copy);
  };
  const open = (replica: string) => busAnnouncements({ spans: noSpans, bus, chat, clock: fakeClock(), log: quietLog, replica });
  const [one, two] = [open('r1'), open('r2')];
  const calls: string[] = [];
  const listener = {
    onAnnounced: ({ seqs }: { seqs?: readonly number[] }) => void calls.push(`${seqs}`),
    onTop: () => {},
    onReplaced: () => assert.fail('replaced'),
  };
  one.follow({ userId: 'ann' }, listener);
  one.follow({ conversationId: 'c' }, listener);
  two.announce({ conversationId: 'c' }, events(5));
  for (const from of [one, two]) from.announce({ userId: 'ann' }, events(6));
  await until('all have come', () => calls.length === 5);
  times = 1;
  for (let n = 0; n < 2; n++) two.announce({ conversationId: 'c' }, events(5));
  await until('those of the older release, too', () => calls.length === 7);
  one.close();
  two.close();
});

test('a look that the database does not answer keeps no other from being made', async () => {
  const stuck = Promise.withResolvers<typeof run>();
  let asked = 0;
  const chat = {
    databaseRun: () => (asked++ === 0 ? stuck.promise : Promise.resolve(run)),
    tops: async (ids: readonly string[]) => ({ conversations: new Map(ids.map((id) => [id, 7])), users: new Map<string, number>() }),
  };
  const clock = fakeClock();
  const announcements = busAnnouncements({ spans: noSpans, bus: memoryBus(quietLog), chat, clock, log: quietLog, replica: 'r' });
  const calls: string[] = [];
  announcements.follow({ conversationId: 'c' }, { onAnnounced: () => {}, onTop: (top) => void calls.push(`top ${top}`) });
  await until('it looks', () => asked === 1);
  await clock.advance(5_000); // it is given up
  await clock.advance(1_000);
  await until('it has looked again', () => calls.includes('top 7'));
  stuck.resolve(run);
  announcements.close();
});
