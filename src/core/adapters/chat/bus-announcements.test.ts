import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quietLog } from '../../../../test/support/log.ts';
import { fakeClock } from '../../../../test/support/time/clock.ts';
import { until } from '../../../../test/support/time/until.ts';
import { memoryBus } from '../memory/bus.ts';
import { noSpans } from '../telemetry/messaging-spans.ts';
import { type AnnouncementParts, busAnnouncements } from './bus-announcements.ts';

const run = { databaseId: 'a', startedAt: 'noon' };

const open = (parts: Pick<AnnouncementParts, 'chat'> & Partial<AnnouncementParts>) =>
  busAnnouncements({ spans: noSpans, bus: memoryBus(quietLog), clock: fakeClock(), log: quietLog, replica: 'r', ...parts });

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
  const announcements = open({ chat, clock, lookMs: 40_000 });
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
  const [one, two] = ['r1', 'r2'].map((replica) => open({ bus, chat, clock, replica, lookMs: 40_000 }));
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

/** A database whose answers a test gives, and a stream of each subject at one of two replicas. */
function openTwo() {
  const asked: { readonly ids: readonly string[]; answer(top: number): void }[] = [];
  const current = { startedAt: 'noon', holds: false, top: 0 };
  const chat = {
    databaseRun: async () => ({ databaseId: undefined, startedAt: current.startedAt }),
    tops: async (ids: readonly string[]) => {
      const { promise, resolve } = Promise.withResolvers<number>();
      asked.push({ ids, answer: resolve });
      if (!current.holds) resolve(current.top);
      const top = await promise;
      return { conversations: new Map(ids.map((id) => [id, top])), users: new Map<string, number>() };
    },
  };
  const bus = memoryBus(quietLog);
  const clock = fakeClock();
  const [one, two] = [open({ chat, bus, clock, replica: 'r1' }), open({ chat, bus, clock, replica: 'r2' })];
  const calls: string[] = [];
  const stream = { onAnnounced: () => {}, onTop: () => {}, onReplaced: () => void calls.push('replaced') };
  one.follow({ userId: 'ann' }, stream);
  one.follow(
    { conversationId: 'c' },
    { onAnnounced: ({ seqs }) => void calls.push(`events ${seqs}`), onTop: (top) => void calls.push(`top ${top}`) },
  );
  const announce = (seq: number) => two.announce({ conversationId: 'c' }, events(seq));
  const close = () => {
    one.close();
    two.close();
  };
  return { one, two, calls, asked, current, clock, stream, announce, close };
}

test('a restored database is noticed before anything of it is delivered, though it has more than was announced before it could be asked', async () => {
  const { one, two, calls, current, close } = openTwo();
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

  current.top = 31; // it was restored with the first 8 events, and has 23 more
  announce(...each(9, 31));
  await until('it is noticed', () => calls.includes('replaced'));
  const before = calls.slice(0, calls.indexOf('replaced'));
  assert.ok(!before.some((call) => call.startsWith('top') || call === 'events 31,31'), `its listeners have other events before these: ${before}`);
  await until('all have come', () => calls.includes('events 31,31'));
  calls.length = 0;
  announce(...each(32, 50));
  await until('what follows is delivered', () => calls.includes('events 50,50'));
  assert.ok(!calls.includes('replaced'), calls.join());
  close();
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
    let received = 0;
    for (let n = 0; n < times; n++) received += await publish(topic, copy);
    return received;
  };
  const [one, two] = [open({ chat, bus, replica: 'r1' }), open({ chat, bus, replica: 'r2' })];
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
  const announcements = open({ chat, clock });
  const calls: string[] = [];
  announcements.follow({ conversationId: 'c' }, { onAnnounced: () => {}, onTop: (top) => void calls.push(`top ${top}`) });
  await until('it looks', () => asked === 1);
  await clock.advance(5_000); // it is given up
  await clock.advance(1_000);
  await until('it has looked again', () => calls.includes('top 7'));
  stuck.resolve(run);
  announcements.close();
});

test('what was read and not announced is compared with the database before more is delivered', async () => {
  const { calls, current, announce, close } = openTwo();
  current.top = 10;
  await until('it has read', () => calls.includes('top 10'));
  current.top = 11;
  announce(10); // as it is announced a moment after it was read
  announce(11);
  await until('they are delivered in their order', () => calls.includes('events 11,11'));
  assert.deepEqual(
    calls.filter((call) => call.startsWith('events')),
    ['events 10,10', 'events 11,11'],
  );
  close();

  const restored = openTwo();
  restored.current.top = 10;
  await until('it has read', () => restored.calls.includes('top 10'));
  restored.current.startedAt = 'later'; // with the first 9 events
  restored.current.top = 12;
  for (const seq of [10, 11, 12]) restored.announce(seq);
  await until('it is noticed', () => restored.calls.includes('replaced'));
  assert.ok(!restored.calls.some((call) => call.startsWith('events')), restored.calls.join());
  restored.close();
});

test('a repeat that comes while the database is read has the next reading compare when it was started', async () => {
  const { one, calls, asked, current, clock, announce, close } = openTwo();
  await until('it has read', () => calls.includes('top 0'));
  for (const seq of [1, 2, 3]) announce(seq);
  await until('they have come', () => calls.includes('events 3,3'));
  await clock.advance(1_000);
  current.holds = true;
  const before = asked.length;
  one.follow({ conversationId: 'other' }, { onAnnounced: () => {}, onTop: () => {} });
  await until('it reads', () => asked.length > before);
  current.holds = false;
  current.startedAt = 'later';
  current.top = 3;
  announce(0); // older than what can have been restored: only the time says it
  await clock.advance(0);
  asked.at(-1)?.answer(3);
  await until('it is noticed', () => calls.includes('replaced'));
  close();
});

test('a restored database that announcements have betrayed closes streams once, and not those that return', async () => {
  const { one, calls, asked, current, clock, stream, announce, close } = openTwo();
  await until('it has read', () => calls.includes('top 0'));
  announce(1);
  current.startedAt = 'later';
  announce(1);
  assert.deepEqual(
    calls.splice(0).filter((call) => call === 'replaced'),
    ['replaced'],
  );
  one.follow({ userId: 'bob' }, { ...stream, onReplaced: () => void calls.push('replaced again') });
  const before = asked.length;
  await clock.advance(40_000);
  await until('it has looked', () => asked.length > before);
  await clock.advance(0);
  assert.ok(!calls.some((call) => call.startsWith('replaced')), calls.join());
  close();
});

test('a user who begins anew after an erasure loses the own streams, and nobody else does', async () => {
  let top = 57;
  const chat = {
    databaseRun: async () => run,
    tops: async () => ({
      conversations: new Map<string, number>(),
      users: new Map([
        ['ann', top],
        ['bob', 5],
      ]),
    }),
  };
  const clock = fakeClock();
  const announcements = open({ chat, clock });
  const calls: string[] = [];
  for (const userId of ['ann', 'bob'])
    announcements.follow({ userId }, { onAnnounced: () => {}, onTop: () => {}, onReplaced: () => void calls.push(userId) });
  await clock.advance(0);
  top = 1;
  await clock.advance(40_000);
  await until('it is noticed', () => calls.includes('ann'));
  assert.deepEqual(calls, ['ann']);
  announcements.close();
});
