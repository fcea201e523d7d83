// What one client is sent, on a real store, with announcements that a test makes: late, early, or lost.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, test } from 'node:test';
import { sqlChat } from '../../src/core/adapters/sql/chat/chat-store.ts';
import { openDatabaseAccess } from '../../src/core/adapters/sql/database-access.ts';
import { openSql } from '../../src/core/adapters/sql/postgres-or-pglite.ts';
import { openLimiter } from '../../src/core/kit/concurrency-limiter.ts';
import type { ChatStore, Role } from '../../src/core/ports/chat.ts';
import type { Announced, ChatAnnouncements, ChatListener, ChatSubject } from '../../src/core/ports/chat-announcements.ts';
import { deliverChat } from '../../src/core/services/chat/deliver-chat.ts';
import { chatActions } from '../../src/core/services/chat/store-then-announce.ts';
import type { Close } from '../../src/core/streams/close-advice.ts';
import type { Stream } from '../../src/core/streams/stream.ts';
import { ChatHello, ChatResponse } from '../../src/gen/portico/v1/chat.ts';
import { Advice } from '../../src/gen/portico/v1/stream.ts';
import { message, user, wishOf } from '../contracts/chat-harness.ts';
import { quietLog } from '../support/log.ts';
import { createMigratedDatabase } from '../support/postgres/postgres.ts';
import { fakeClock } from '../support/time/clock.ts';
import { until } from '../support/time/until.ts';

const { url, drop } = await createMigratedDatabase();
const database = await openSql({ url }, quietLog);
const store = sqlChat(openDatabaseAccess(database.db).use);
after(async () => {
  await database.close();
  await drop();
});

const keyOf = (subject: ChatSubject) => ('userId' in subject ? `user ${subject.userId}` : `conversation ${subject.conversationId}`);

/** Announcements that come when the test says so. */
function openScripted() {
  const followed = new Map<string, Set<ChatListener>>();
  /** What was announced, in order, and has not come. */
  const held: { readonly subject: ChatSubject; readonly announced: Announced }[] = [];
  const announcements: ChatAnnouncements = {
    announce: (subject, announced) => void held.push({ subject, announced }),
    follow: (subject, listener) => {
      const listeners = followed.get(keyOf(subject)) ?? new Set();
      followed.set(keyOf(subject), listeners.add(listener));
      return () => void listeners.delete(listener);
    },
    close: () => {},
  };
  return {
    announcements,
    held,
    deliver: ({ subject, announced }: (typeof held)[number]) => {
      for (const { onAnnounced } of [...(followed.get(keyOf(subject)) ?? [])]) onAnnounced(announced);
    },
    replace: () => {
      for (const listeners of followed.values()) for (const { onReplaced } of listeners) onReplaced?.();
    },
    onTop: (subject: ChatSubject, seq: number) => {
      for (const { onTop } of followed.get(keyOf(subject)) ?? []) onTop(seq);
    },
    listeners: () => [...followed.values()].reduce((sum, { size }) => sum + size, 0),
  };
}

type Hello = Parameters<typeof ChatHello.fromPartial>[0];

/** A client that takes everything, and the own actions of its user at another place. */
function open(userId: string, { hello = {} as Hello, wrapped = {} as Partial<ChatStore> } = {}) {
  const scripted = openScripted();
  const controller = new AbortController();
  const received: NonNullable<ChatResponse['message']>[] = [];
  const closes: Close[] = [];
  let hasRoom = true;
  let onRoom = () => {};
  const out: Stream['out'] = {
    send: (bytes) => {
      const decoded = ChatResponse.decode(bytes).message;
      if (decoded !== undefined) received.push(decoded);
    },
    hasRoom: () => hasRoom,
    onRoom: (callback) => {
      if (hasRoom) callback();
      else onRoom = callback;
      return () => {};
    },
  };
  const stream = {
    signal: controller.signal,
    out,
    whenAcknowledged: (callback: () => void) => callback(),
    close: (close: Close) => {
      closes.push(close);
      controller.abort(new Error('closed'));
    },
  } as unknown as Stream;
  const chat = { ...store, ...wrapped };
  const delivery = deliverChat(stream, userId, ChatHello.fromPartial(hello), {
    chat,
    announcements: scripted.announcements,
    recoveries: openLimiter(4),
    clock: fakeClock(),
    log: quietLog,
  });
  const kinds = () => received.map(({ $case }) => $case);
  return {
    ...scripted,
    actions: chatActions(store, scripted.announcements, randomUUID),
    received,
    closes,
    kinds,
    caughtUp: () => until('caught up', () => kinds().includes('caughtUp')),
    /** Takes no more, until it is called again. */
    setRoom: (has: boolean) => {
      hasRoom = has;
      if (has) onRoom();
    },
    end: () => {
      controller.abort(new Error('ended'));
      delivery.close();
    },
  };
}

async function group(): Promise<{ id: string; ann: string; bob: string; change: (role?: Role) => Promise<unknown> }> {
  const [ann, bob] = [`ann-${randomUUID()}`, `bob-${randomUUID()}`];
  const { conversation } = await store.create(wishOf('group', [ann, bob]));
  const { id } = conversation;
  const change = (role?: Role) => store.changeMembers(id, user(ann), { eventId: randomUUID(), changes: [{ userId: bob, role }] });
  return { id, ann, bob, change };
}

test('the late end of an earlier membership does not end the present one', async () => {
  const { id, ann, bob } = await group();
  const client = open(bob);
  await client.caughtUp();
  await client.actions.changeMembers(id, user(ann), [{ userId: bob }]);
  await client.actions.changeMembers(id, user(ann), [{ userId: bob, role: 'member' }]);
  const [ended, endedOwn, ...begun] = client.held.splice(0);
  if (ended === undefined || endedOwn === undefined) throw new Error('The end was not announced.');
  for (const each of [endedOwn, ...begun]) client.deliver(each);
  await until('the new membership', () => client.kinds().filter((kind) => kind === 'conversation').length === 2);
  client.deliver(ended);
  await client.actions.post(id, message(ann, 'welcome'));
  await until('announced', () => client.held.length > 0);
  for (const each of client.held.splice(0)) client.deliver(each);
  await until('the message', () => client.received.some((each) => each.$case === 'events' && each.value.events.some(({ seq }) => seq === 4n)));
  assert.deepEqual(
    client.kinds().filter((kind) => kind === 'left' || kind === 'conversation'),
    ['conversation', 'left', 'conversation'],
  );
  client.end();
});

test('a late own state does not bring back a conversation that was left', async () => {
  const { id, ann, bob } = await group();
  const client = open(bob);
  await client.caughtUp();
  await client.actions.change(bob, id, { mutedUntilMs: 1_900_000_000_000 });
  const [muted] = client.held.splice(0);
  await client.actions.changeMembers(id, user(ann), [{ userId: bob }]);
  const [ended, endedOwn] = client.held.splice(0);
  if (muted === undefined || ended === undefined || endedOwn === undefined) throw new Error('Not all was announced.');
  for (const each of [ended, muted, endedOwn]) client.deliver(each);
  await client.actions.create(wishOf('group', [ann, bob])); // a sign that all before it was handled
  for (const each of client.held.splice(0)) client.deliver(each);
  await until('the next conversation', () => client.kinds().filter((kind) => kind === 'conversation').length === 2);
  const last = client.received.filter((each) => each.$case === 'left' || each.$case === 'conversation');
  assert.deepEqual(
    last.map((each) => [each.$case, each.$case === 'left' ? each.value.conversationId === id : each.value.conversation?.id === id]),
    [
      ['conversation', true],
      ['left', true],
      ['conversation', false],
    ],
  );
  client.end();
});

for (const method of ['syncPoint', 'places', 'tops', 'ownChanges', 'missing'] as const)
  test(`a stream that is closed while it reads (${method}) leaves no listener`, async () => {
    const { bob } = await group();
    let reading = false;
    let release = () => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const call = store[method] as (...args: readonly unknown[]) => Promise<unknown>;
    const held = async (...args: readonly unknown[]) => {
      reading = true;
      await gate;
      return call(...args);
    };
    const client = open(bob, { wrapped: { [method]: held } });
    await until('it reads', () => reading);
    client.end();
    release();
    await store.places(bob); // after it on the same connections: what was read has come
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(client.listeners(), 0);
    assert.ok(!client.kinds().includes('caughtUp'));
  });

test('a stream whose own changes the database has lost reads a few times, and is closed to come back', async () => {
  const { bob } = await group();
  let reads = 0;
  const tops: ChatStore['tops'] = (...args) => {
    reads++;
    return store.tops(...args);
  };
  const client = open(bob, { wrapped: { tops } });
  await client.caughtUp();
  client.onTop({ userId: bob }, 60);
  await until('it is closed', () => client.closes.length === 1);
  assert.equal(client.closes[0]?.reason, 'STORAGE_DOWN');
  assert.ok(reads < 10, `${reads} reads`);
  client.end();
});

test('a stream is closed to come back, once, when the database was replaced', async () => {
  const { bob } = await group();
  const client = open(bob);
  await client.caughtUp();
  client.replace();
  assert.deepEqual(
    client.closes.map(({ reason, advice }) => [reason, advice]),
    [['STORAGE_DOWN', Advice.ADVICE_RESUME]],
  );
  client.end();
});

test('an own number that the database has not given yet starts all anew', async () => {
  const { id, bob } = await group();
  const client = open(bob, { hello: { ownSeq: 40n, positions: [{ conversationId: id, seq: 1n, eventId: '' }] } });
  await client.caughtUp();
  assert.deepEqual(client.kinds(), ['syncReset', 'conversation', 'events', 'caughtUp']);
  client.end();
});

test('a change of one membership reads the states that have changed, and no others', async () => {
  const { ann, bob } = await group();
  for (let n = 0; n < 30; n++) await store.create(wishOf('group', [ann, bob]));
  const rows: string[] = [];
  const counted = <Name extends 'joined' | 'places' | 'ownChanges'>(name: Name) => ({
    [name]: async (...args: readonly unknown[]) => {
      const found = await (store[name] as (...args: readonly unknown[]) => Promise<readonly unknown[]>)(...args);
      rows.push(`${name} ${found.length}`);
      return found;
    },
  });
  const client = open(bob, { wrapped: { ...counted('joined'), ...counted('places'), ...counted('ownChanges') } });
  await client.caughtUp();
  rows.length = 0;
  await client.actions.create(wishOf('group', [ann, bob]));
  for (const each of client.held.splice(0)) client.deliver(each);
  await until('the new one', () => client.kinds().filter((kind) => kind === 'conversation').length === 32);
  assert.deepEqual(rows, ['ownChanges 1']);
  client.end();
});

test('states wait for the client, and come in the order of the own changes', async () => {
  const { ann, bob } = await group();
  for (let n = 0; n < 130; n++) await store.create(wishOf('group', [ann, bob]));
  const client = open(bob);
  client.setRoom(false);
  await store.places(bob);
  await until('something waits', async () => (await store.places(bob)).length > 0 && client.listeners() === 132);
  assert.deepEqual(client.kinds(), []);
  client.setRoom(true);
  await client.caughtUp();
  const seqs = client.received.flatMap((each) => (each.$case === 'conversation' ? [each.value.conversation?.own?.ownSeq] : []));
  assert.deepEqual(
    seqs,
    Array.from({ length: 131 }, (_, n) => BigInt(n + 1)),
  );
  client.end();
});

test('what is announced at whatever step of the end of a reading is read, too', async () => {
  const { id, ann, bob } = await group();
  const after = (steps: number, then: () => void): void => (steps === 0 ? then() : queueMicrotask(() => after(steps - 1, then)));
  let visibleTo = Number.POSITIVE_INFINITY;
  let onRead = () => {};
  const missing: ChatStore['missing'] = async (...asked) => {
    const events = (await store.missing(...asked)).filter(({ seq }) => seq <= visibleTo);
    onRead();
    return events;
  };
  const client = open(bob, { wrapped: { missing } });
  await client.caughtUp();
  const post = async (text: string) => {
    await client.actions.post(id, message(ann, text));
    await until('it was announced', () => client.held.length === 1);
    const [{ subject, announced }] = client.held.splice(0) as [(typeof client.held)[number]];
    return { subject, announced: { ...announced, message: new Uint8Array(0) } }; // too large for the bus: it has to be read
  };
  const last = () => client.received.flatMap((each) => (each.$case === 'events' ? each.value.events : [])).at(-1)?.seq;
  for (let steps = 0; steps < 40; steps++) {
    const [one, other] = [await post(`${steps}`), await post(`${steps}, stored and announced while the first is read`)];
    visibleTo = one.announced.seqs?.[1] ?? 0;
    onRead = () => {
      onRead = () => {};
      after(steps, () => {
        visibleTo = Number.POSITIVE_INFINITY;
        client.deliver(other);
      });
    };
    client.deliver(one);
    await until(`both, ${steps} steps after the reading`, () => last() === BigInt(other.announced.seqs?.[1] ?? 0), 5_000);
  }
  client.end();
});
