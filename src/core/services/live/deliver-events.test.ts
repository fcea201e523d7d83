import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { LiveResponse } from '../../../gen/portico/v1/live.ts';
import type { TopicEvent, TopicPosition } from '../../ports/topic-log.ts';
import { openTurns, perTurn } from '../../streams/event-loop-turns.ts';
import { type Batch, type Follower, passBatches } from './deliver-events.ts';

const at = (offset: number): TopicPosition => ({ epoch: 'e', offset, id: `id${offset}` });

/** A follower that checks that batches follow each other and are what their messages say. */
function follower(): Follower & { readonly offsets: number[]; readonly batches: Batch[] } {
  const [offsets, batches]: [number[], Batch[]] = [[], []];
  return {
    offsets,
    batches,
    onBatch: (batch) => {
      assert.ok(offsets.length === 0 || batch.after.offset === offsets.at(-1), 'after what it has');
      const { message } = LiveResponse.decode(batch.message);
      assert.ok(message?.$case === 'events');
      const own = batch.events.map(({ position }) => position.offset);
      assert.deepEqual(
        message.value.events.map(({ offset }) => Number(offset)),
        own,
      );
      assert.deepEqual(
        own,
        own.map((_, i) => batch.after.offset + 1 + i),
        'without a hole',
      );
      assert.equal(batch.end.offset, own.at(-1));
      offsets.push(...own);
      batches.push(batch);
    },
    onLost: () => assert.fail('nothing was lost'),
  };
}

function openTopic(count: number) {
  const followers = new Set(Array.from({ length: count }, follower));
  const passing = passBatches(
    't',
    followers,
    openTurns(() => 0),
  );
  let last = at(0);
  const add = (events: number, bytes = 10) => {
    for (let i = 0; i < events; i++) {
      const position = at(last.offset + 1);
      const event: TopicEvent = { position, key: '', payload: Buffer.alloc(bytes), publishedAtMs: 0 };
      passing.add(event, last);
      last = position;
    }
  };
  return { followers, passing, add, last: () => last };
}

test('events that come while a batch is passed on are the next batch, for every follower in order', async () => {
  const { followers, add, last } = openTopic(10 * perTurn);
  const counts = [3, 1, 0, 2, 40, 0, 0, 1];
  for (const count of counts) {
    add(count);
    await turn();
  }
  for (let i = 0; i < 100; i++) await turn();
  const all = Array.from({ length: last().offset }, (_, i) => i + 1);
  for (const { offsets } of followers) assert.deepEqual(offsets, all);
  const [first] = followers;
  assert.ok((first?.batches.length ?? 0) < counts.length, 'what waited was joined');
  for (const { batches } of followers) for (const [i, { message }] of batches.entries()) assert.equal(message, first?.batches[i]?.message);
});

test('a batch has 100 events and 65,536 bytes at most, or one larger event', async () => {
  for (const [events, bytes, sizes] of [
    [250, 10, [100, 100, 50]],
    [5, 30_000, [2, 2, 1]],
    [2, 100_000, [1, 1]],
  ] as const) {
    const { followers, add } = openTopic(1);
    add(events, bytes);
    for (let i = 0; i < 5; i++) await turn();
    for (const { batches } of followers)
      assert.deepEqual(
        batches.map((batch) => batch.events.length),
        sizes,
      );
  }
});

test('more than 500 events or 262,144 bytes do not wait: they are passed on at once', () => {
  for (const [events, bytes] of [
    [500, 10],
    [9, 30_000],
  ] as const) {
    const { followers, add } = openTopic(3 * perTurn);
    add(events - 1, bytes);
    for (const { offsets } of followers) assert.equal(offsets.length, 0);
    add(1, bytes);
    for (const { offsets } of followers) assert.equal(offsets.length, events);
  }
});

test('one that leaves gets no later batch; one that comes gets no earlier one; finish leaves nothing', async () => {
  const { followers, passing, add } = openTopic(2 * perTurn);
  add(1);
  await turn();
  const [leaving] = followers;
  const coming = follower();
  followers.delete(leaving as Follower & typeof coming);
  followers.add(coming);
  add(1);
  passing.finish();
  assert.deepEqual(leaving?.offsets, [1]);
  assert.deepEqual(coming.offsets, [2]);
  for (const { offsets } of followers) assert.equal(offsets.at(-1), 2);
});

test('events with a hole between them are two batches', () => {
  const followers = new Set([follower()]);
  const passing = passBatches(
    't',
    followers,
    openTurns(() => 0),
  );
  const event = (offset: number): TopicEvent => ({ position: at(offset), key: '', payload: Buffer.alloc(1), publishedAtMs: 0 });
  passing.add(event(1), at(0));
  followers.clear();
  const seen: Batch[] = [];
  followers.add({ ...follower(), onBatch: (batch) => seen.push(batch) });
  passing.add(event(5), at(4));
  passing.finish();
  assert.deepEqual(
    seen.map(({ after, end }) => [after.offset, end.offset]),
    [
      [0, 1],
      [4, 5],
    ],
  );
});
