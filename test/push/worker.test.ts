// Workers that end, results that cannot be stored, and pushes that go round in circles.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { sql } from 'kysely';
import type { PushQueue } from '../../src/core/ports/push-queue.ts';
import type { PushSender } from '../../src/core/ports/push-sender.ts';
import { nameOf, pushActs, tokenOf } from '../contracts/push-harness.ts';
import { openPushWorld, type PushWorld } from '../support/push/push-worker.ts';
import { until } from '../support/time/until.ts';

let world: PushWorld;
let act: ReturnType<typeof pushActs>;
before(async () => {
  world = await openPushWorld();
  act = pushActs(world);
});
after(() => world?.close());
beforeEach(async () => {
  await sql`TRUNCATE chat_outbox, push_queue, push_notices, push_tokens, push_shown`.execute(world.sql.db);
  world.apns.answer();
  world.fcm.answer();
});
const isDone = async () => (await world.undone()) === 0;
const never = () => new Promise<never>(() => {});

/** A queue whose worker ends before it records: nothing it has sent is known. It takes pushes of each platform once. */
function forgetful(queue: PushQueue): PushQueue {
  const taken = new Set<string>();
  const lease: PushQueue['lease'] = async (provider, ...how) => {
    if (taken.has(provider)) return { pushes: [], unwanted: 0 };
    const leased = await queue.lease(provider, ...how);
    if (leased.pushes.length > 0) taken.add(provider);
    return leased;
  };
  return { ...queue, record: never, lease };
}

test('a worker that ends between sending and recording: the push is sent again with the same ids, and counted', async () => {
  const [ann, bob] = [nameOf('ann'), nameOf('bob')];
  await act.device(bob, tokenOf('apns'));
  await act.device(bob, tokenOf('fcm'));
  const id = await act.group(ann, bob);
  const seq = await act.say(ann, id);
  const seen = { apns: world.apns.accepted.length, fcm: world.fcm.accepted.length };
  const ours = () => ({ apns: world.apns.accepted.slice(seen.apns), fcm: world.fcm.accepted.slice(seen.fcm) });
  const first = world.start({ queue: forgetful(world.queue) });
  await until('both are sent', () => ours().apns.length === 1 && ours().fcm.length === 1);
  await world.elapse(); // its lease
  await using second = world.start();
  await until('both are sent again, and recorded', isDone);
  const { apns, fcm } = ours();
  const tag = `${id}:${seq}`;
  assert.deepEqual(
    [apns.map(({ headers }) => headers['apns-collapse-id']), fcm.map(({ data }) => data.tag)],
    [
      [tag, tag],
      [tag, tag],
    ],
  );
  assert.deepEqual(apns[0]?.payload, apns[1]?.payload);
  assert.equal(second.counts('portico.push.repeated'), 2);
  assert.equal(first.counts('portico.push.repeated'), 0);
  await second.close();
  await first.close();
});

test('a result that cannot be stored is stored when the database is there again: nothing is repeated', async () => {
  const [ann, bob] = [nameOf('ann'), nameOf('bob')];
  await act.device(bob, tokenOf('fcm'));
  await act.say(ann, await act.group(ann, bob));
  let failures = 2;
  const queue: PushQueue = {
    ...world.queue,
    record: async (results) => {
      if (failures-- > 0) throw new Error('Connection terminated');
      return world.queue.record(results);
    },
  };
  const before = world.fcm.accepted.length;
  await using worker = world.start({ queue });
  await until('it is recorded', isDone);
  assert.deepEqual([world.fcm.accepted.length - before, worker.counts('portico.push.repeated')], [1, 0]);
  await worker.close();
});

test('a push that is taken again and again without a record is given up, with an alarm', async () => {
  const [ann, bob] = [nameOf('ann'), nameOf('bob')];
  await act.device(bob, tokenOf('fcm'));
  await act.say(ann, await act.group(ann, bob));
  await world.queue.expand(100);
  for (let n = 0; n < 5; n++) {
    const { pushes } = await world.queue.lease('fcm', 1, 60_000);
    assert.equal(pushes[0]?.repeats, n);
    await world.elapse();
  }
  const before = world.fcm.received.length;
  await using worker = world.start();
  await until('it is given up', isDone);
  assert.equal(world.fcm.received.length, before);
  assert.equal(worker.counts('portico.push.loops'), 1);
  assert.ok(worker.lines.some(({ level }) => level === 'error'));
  await worker.close();
});

test('a push whose answer is lost again and again is an alarm, and is tried on', async () => {
  const [ann, bob] = [nameOf('ann'), nameOf('bob')];
  await act.device(bob, tokenOf('fcm'));
  await act.say(ann, await act.group(ann, bob));
  world.fcm.answerBy(() => (response) => void response.destroy());
  await using worker = world.start();
  for (let lost = 1; lost <= 6; lost++) {
    await until(`answer ${lost} is lost`, async () => (await world.waiting()).some(({ repeats, leased }) => repeats === lost && !leased));
    assert.equal(worker.counts('portico.push.loops'), Math.max(0, lost - 5));
    if (lost === 6) world.fcm.answer();
    await world.elapse();
  }
  await until('it is sent', isDone);
  assert.ok(worker.lines.some(({ level, message }) => level === 'error' && message.includes('circles')));
  await worker.close();
});

test('two workers send each push once', async () => {
  const [ann, bob] = [nameOf('ann'), nameOf('bob')];
  for (let n = 0; n < 3; n++) await act.device(bob, tokenOf('fcm'));
  const id = await act.group(ann, bob);
  for (let n = 0; n < 30; n++) await act.say(ann, id);
  const before = world.fcm.accepted.length;
  await using one = world.start();
  await using two = world.start();
  await until('all are sent', isDone);
  const tags = world.fcm.accepted.slice(before).map(({ token, data }) => `${token} ${data.tag}`);
  assert.deepEqual([tags.length, new Set(tags).size], [90, 90]);
  assert.equal(one.counts('portico.push.sent sent') + two.counts('portico.push.sent sent'), 90);
  await one.close();
  await two.close();
});

test('a worker that is closed lets what is under way end, and leaves the rest', async () => {
  const [ann, bob] = [nameOf('ann'), nameOf('bob')];
  await act.device(bob, tokenOf('fcm'));
  const id = await act.group(ann, bob);
  for (let n = 0; n < 3; n++) await act.say(ann, id);
  const asked = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<void>();
  const slow: PushSender = {
    send: async () => {
      asked.resolve();
      await answered.promise;
      return { kind: 'sent' };
    },
    close: async () => {},
  };
  const worker = world.start({ senders: new Map([['fcm', slow]]), limits: { atOnce: 1 } });
  await asked.promise;
  const closing = worker.close();
  answered.resolve();
  await closing;
  assert.deepEqual(
    (await world.waiting()).map(({ leased }) => leased),
    [false, false],
  );
});

test('a push under way when the server stops, and not answered in time, is for another replica', async () => {
  const [ann, bob] = [nameOf('ann'), nameOf('bob')];
  await act.device(bob, tokenOf('fcm'));
  await act.say(ann, await act.group(ann, bob));
  world.fcm.answer(() => {});
  const before = world.fcm.received.length;
  const worker = world.start();
  await until('it is asked', () => world.fcm.received.length > before);
  await worker.close();
  const [waiting] = await world.waiting();
  assert.deepEqual([waiting?.leased, worker.counts('portico.push.sent unknown')], [true, 1]);
});
