// One topic at one replica, on a clock of the test: what a lost announcement, a lost tail and a slow client do.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { memoryBus } from '../../src/core/adapters/memory/bus.ts';
import { memoryTopicLog } from '../../src/core/adapters/memory/topic-log.ts';
import { noSpans } from '../../src/core/adapters/telemetry/messaging-spans.ts';
import { openLimiter } from '../../src/core/kit/concurrency-limiter.ts';
import type { TopicPosition } from '../../src/core/ports/topic-log.ts';
import { Subscription } from '../../src/core/services/live/resume-and-conflate.ts';
import { openFeeds } from '../../src/core/services/live/topic-feed.ts';
import { openTurns } from '../../src/core/streams/event-loop-turns.ts';
import { LiveResponse } from '../../src/gen/portico/v1/live.ts';
import { quietLog } from '../support/log.ts';
import { lossyBus } from '../support/lossy-bus.ts';
import { fakeClock } from '../support/time/clock.ts';

const kept = { size: 1_000, ageMs: 3_600_000 };
const page = { eventsMax: 100, bytesMax: 65_536 };

function openTopic() {
  const clock = fakeClock();
  let ids = 0;
  const bus = lossyBus(memoryBus(quietLog));
  const whole = memoryTopicLog({ clock, bus, randomId: () => `id${ids++}` });
  let reads = 0;
  const log: typeof whole = {
    ...whole,
    read: (...asked) => {
      reads++;
      return whole.read(...asked);
    },
  };
  const feeds = openFeeds({ log, turns: openTurns(clock.monotonicMs), spans: noSpans, clock, report: quietLog });
  const recoveries = openLimiter(8);
  const client = ({ position, conflate = false }: { position?: TopicPosition; conflate?: boolean } = {}) => {
    const received: string[] = [];
    let room = true;
    let last = position;
    const waiting = new Set<() => void>();
    const out = {
      hasRoom: () => room,
      onRoom: (callback: () => void) => {
        if (room) callback();
        else waiting.add(callback);
        return () => void waiting.delete(callback);
      },
      send: (bytes: Uint8Array) => {
        const { message } = LiveResponse.decode(bytes);
        if (message?.$case === 'subscribed') {
          const { recovered, position: at } = message.value;
          last = { epoch: at?.epoch ?? '', offset: Number(at?.offset), id: at?.eventId ?? '' };
          received.push(recovered ? 'recovered' : 'anew');
        }
        if (message?.$case !== 'events') return;
        for (const { offset, id, payload } of message.value.events) {
          received.push(Buffer.from(payload).toString());
          last = { epoch: last?.epoch ?? '', offset: Number(offset), id };
        }
      },
    };
    const subscribed = new Subscription({
      topic: 't',
      generation: 1,
      position,
      conflate,
      stream: { out },
      feed: feeds.of('t'),
      readPage: (...asked) => recoveries(() => log.read(asked[0], asked[1], page)),
      clock,
      counts: { events: 0 },
      onBegun: () => {},
      onFailed: (error) => received.push(`failed ${String(error)}`),
    });
    return {
      received,
      end: () => subscribed.close(),
      last: () => last,
      waiting: () => waiting.size,
      room: (value: boolean) => {
        room = value;
        if (value) for (const callback of [...waiting].filter((each) => waiting.delete(each))) callback();
      },
    };
  };
  const publish = async (...texts: readonly string[]) => {
    await log.publish(
      't',
      texts.map((text) => ({ payload: Buffer.from(text), key: text.split('=')[0] })),
      kept,
    );
    await clock.advance(1);
    await clock.advance(1);
  };
  return { clock, bus, log, feeds, client, publish, reads: () => reads };
}

test('an announcement that is lost as the last one is found within forty seconds, by one read for all', async () => {
  const { clock, bus, client, publish, reads } = openTopic();
  const clients = [client(), client(), client()];
  await clock.advance(1);
  await publish('a=1');
  bus.lose(true);
  await publish('b=2', 'c=3');
  bus.lose(false);
  await clock.advance(39_000);
  const before = reads();
  for (const { received } of clients) assert.deepEqual(received, ['anew', 'a=1']);
  await clock.advance(1_000);
  for (const { received } of clients) assert.deepEqual(received, ['anew', 'a=1', 'b=2', 'c=3']);
  assert.equal(reads() - before, 1);
});

test('a gap in the middle is read at once', async () => {
  const { clock, bus, client, publish } = openTopic();
  const one = client();
  await clock.advance(1);
  bus.lose(true);
  await publish('a=1');
  bus.lose(false);
  await publish('b=2');
  assert.deepEqual(one.received, ['anew', 'a=1', 'b=2']);
});

test('a client that subscribes while the feed is ahead of a log that lost its end waits between its reads', async () => {
  const { clock, log, client, publish, reads } = openTopic();
  const old = client();
  await clock.advance(1);
  await publish('a=1');
  const restore = log.faults.save('t');
  const position = old.last();
  await publish('b=2', 'c=3');
  restore(); // as when a replica becomes primary that lacks the end
  const before = reads();
  const one = client({ ...(position && { position }) });
  await clock.advance(0); // a loop without a pause would never end here
  await clock.advance(600_000);
  assert.ok(reads() - before < 60, `${reads() - before} reads in ten minutes`);
  await publish('d=4');
  await clock.advance(60_000);
  assert.equal(old.received.includes('anew', 1), true, 'it is notified of the loss');
  assert.ok(one.received.includes('d=4') || one.received.at(-1) === 'anew', one.received.join());
  await publish('e=5');
  await clock.advance(60_000);
  for (const each of [old, one]) assert.equal(each.received.at(-1), 'e=5');
});

test('a lost end whose offsets others took unnoticed is found by the next event, which looks as if it followed', async () => {
  const { clock, bus, log, client, publish } = openTopic();
  const [one, conflating] = [client(), client({ conflate: true })];
  await clock.advance(1);
  await publish('a=1');
  const restore = log.faults.save('t');
  await publish('b=2', 'c=3');
  restore();
  bus.lose(true);
  await publish('d=2', 'e=3');
  bus.lose(false);
  await publish('f=4');
  for (const { received } of [one, conflating]) assert.deepEqual(received, ['anew', 'a=1', 'b=2', 'c=3', 'anew']);
  await publish('g=5');
  for (const { received } of [one, conflating]) assert.equal(received.at(-1), 'g=5');
});

test('a slow client of a conflated topic gets the newest event of each key, and no listener stays behind', async () => {
  const { clock, client, publish } = openTopic();
  const [quick, slow] = [client({ conflate: true }), client({ conflate: true })];
  await clock.advance(1);
  await publish('a=1', 'b=1');
  for (let round = 0; round < 3; round++) {
    slow.room(false);
    for (let i = 0; i < 50; i++) await publish(`a=${round}.${i}`, `c=${round}.${i}`);
    assert.equal(slow.waiting(), 1);
    slow.room(true);
    await clock.advance(10);
    assert.deepEqual(slow.received.slice(-2), [`a=${round}.49`, `c=${round}.49`]);
  }
  assert.deepEqual([slow.received.length, slow.waiting()], [1 + 2 + 3 * 2, 0]);
  assert.equal(quick.received.length, 1 + 2 + 3 * 100);
  slow.end();
});

test('a client that returns to a conflated topic gets a page with holes, once, and then what is new', async () => {
  const { clock, client, publish } = openTopic();
  const first = client({ conflate: true });
  await clock.advance(1);
  await publish('a=1', 'b=1');
  const position = first.last();
  for (let i = 2; i < 40; i++) await publish(`a=${i}`);
  await publish('b=2', 'a=40');
  const again = client({ conflate: true, ...(position && { position }) });
  await clock.advance(10);
  assert.deepEqual(again.received, ['recovered', 'b=2', 'a=40']);
  await publish('b=3');
  assert.deepEqual(again.received.slice(3), ['b=3']);
});

test('after the last client nothing is left', async () => {
  const { clock, feeds, client, publish } = openTopic();
  const clients = [client(), client()];
  await clock.advance(1);
  for (const { end } of clients) end();
  assert.equal(feeds.count(), 0);
  await publish('a=1');
  assert.deepEqual(clients[0]?.received, ['anew']);
});
