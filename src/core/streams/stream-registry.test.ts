import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { quietLog } from '../../../test/support/log.ts';
import { lossyBus } from '../../../test/support/lossy-bus.ts';
import { fakeClock } from '../../../test/support/time/clock.ts';
import { memoryBus } from '../adapters/memory/bus.ts';
import { openTurns, perTurn } from './event-loop-turns.ts';
import type { Stream } from './stream.ts';
import { openRegistry } from './stream-registry.ts';

const limits = { perUser: 1, perAddress: 1, beginsPerSecond: 1 };

/** A registry with streams of alice, one more than a turn serves, and one of bob. */
function opened() {
  const announced: string[] = [];
  const closed: string[] = [];
  const registry = openRegistry({
    bus: memoryBus(quietLog),
    limits,
    clock: fakeClock(),
    random: () => 0.5,
    log: quietLog,
    turns: openTurns(() => 0),
    topic: 'test',
  });
  const add = (id: string, userId: string) => {
    const stream = { id, signal: new AbortController().signal, goAway: () => announced.push(id), close: () => closed.push(id) };
    registry.add({ stream: stream as unknown as Stream, userId, sessionId: undefined }, undefined);
  };
  add('of bob', 'bob');
  for (let id = 0; id <= perTurn; id++) add(String(id), 'alice');
  return { registry, announced, closed };
}

test('a turn announces the end of only so many streams, and all are announced', async () => {
  const { registry, announced } = opened();
  assert.equal(registry.drain(0, 0), perTurn + 2);
  assert.equal(announced.length, 0, 'nothing at once');
  await turn();
  assert.equal(announced.length, perTurn);
  await turn();
  assert.equal(announced.length, perTurn + 2);
  registry.close();
});

test('a stream displaces one whose own announcement was lost, and none whose own may still come', async () => {
  const clock = fakeClock();
  const bus = lossyBus(memoryBus(quietLog));
  const parts = { bus, limits, clock, random: () => 0.5, log: quietLog, turns: openTurns(() => 0), topic: 'test' };
  const [here, there] = [openRegistry(parts), openRegistry(parts)];
  const closed: string[] = [];
  const add = async (registry: typeof here, id: string) => {
    const stream = { id, signal: new AbortController().signal, close: ({ reason }: { reason: string }) => closed.push(`${id} ${reason}`) };
    registry.add({ stream: stream as unknown as Stream, userId: 'alice', sessionId: undefined }, 'device');
    await turn();
  };
  bus.lose(true);
  await add(here, 'unheard');
  bus.lose(false);
  await add(there, 'soon after');
  assert.deepEqual(closed, []);
  await clock.advance(10_000);
  await add(there, 'later');
  assert.deepEqual(closed.sort(), ['soon after STREAM_DISPLACED', 'unheard STREAM_DISPLACED']);
  for (const registry of [here, there]) registry.close();
});

/** Two replicas, of which one receives nothing while it is deaf, and streams of one device. */
function openDevice() {
  const clock = fakeClock();
  const bus = memoryBus(quietLog);
  const [ofHere, ofThere] = [lossyBus(bus), lossyBus(bus)];
  const parts = { limits, clock, random: () => 0.5, log: quietLog, turns: openTurns(() => 0), topic: 'test' };
  const [here, there] = [openRegistry({ ...parts, bus: ofHere }), openRegistry({ ...parts, bus: ofThere })];
  const closed: string[] = [];
  const begin = async (registry: typeof here, id: string) => {
    const ended = new AbortController();
    const close = ({ reason }: { reason: string }) => {
      closed.push(`${id} ${reason}`);
      ended.abort();
    };
    registry.add({ stream: { id, signal: ended.signal, close } as unknown as Stream, userId: 'alice', sessionId: undefined }, 'device');
    await turn();
  };
  const close = () => {
    for (const registry of [here, there]) registry.close();
  };
  return { clock, here, there, begin, closed, deaf: ofHere.lose, close };
}

for (const { what, apartMs, deafMs, until } of [
  { what: 'by its first repetition', apartMs: 10_001, deafMs: 0, until: 22_500 },
  { what: 'by its second one, after a longer failure', apartMs: 60_000, deafMs: 30_000, until: 112_500 },
])
  test(`a stream whose announcement was lost displaces the older one of its device ${what}`, async () => {
    const { clock, here, there, begin, closed, deaf, close } = openDevice();
    await begin(here, 'older');
    await clock.advance(apartMs);
    deaf(true);
    await begin(there, 'newer');
    await clock.advance(deafMs);
    deaf(false);
    await clock.advance(until - deafMs - 1);
    assert.deepEqual(closed, []);
    await clock.advance(1);
    assert.deepEqual(closed, ['older STREAM_DISPLACED']);
    await clock.advance(1_000_000);
    assert.deepEqual(closed, ['older STREAM_DISPLACED']);
    close();
  });

test('a repetition displaces no newer stream, and none that may be as old', async () => {
  for (const apartMs of [0, 9_999, 15_000]) {
    const { clock, here, there, begin, closed, deaf, close } = openDevice();
    deaf(true);
    await begin(there, 'older');
    await clock.advance(apartMs);
    deaf(false);
    await begin(here, 'newer');
    const atOnce = [...closed];
    await clock.advance(1_000_000);
    assert.deepEqual(closed, atOnce);
    assert.equal(closed.includes('newer STREAM_DISPLACED'), false);
    close();
  }
});

test('a repetition that comes late displaces no stream of its own', async () => {
  const clock = fakeClock();
  const bus = memoryBus(quietLog);
  const late = {
    ...bus,
    publish: (...words: Parameters<typeof bus.publish>) => Promise.resolve(void clock.after(10_001, () => bus.publish(...words))).then(() => 1),
  };
  const parts = { limits, clock, random: () => 0.5, log: quietLog, turns: openTurns(() => 0), topic: 'test', bus: late };
  const registry = openRegistry(parts);
  const closed: string[] = [];
  const stream = { id: 'only', signal: new AbortController().signal, close: () => closed.push('only') };
  registry.add({ stream: stream as unknown as Stream, userId: 'alice', sessionId: undefined }, 'device');
  await clock.advance(1_000_000);
  assert.deepEqual(closed, []);
  registry.close();
});

test('a stream that has ended is announced no more', async () => {
  const { clock, here, there, begin, closed, deaf, close } = openDevice();
  await begin(here, 'older');
  await clock.advance(20_000);
  deaf(true);
  await begin(there, 'newer');
  there.find('newer')?.stream.close({ reason: 'ENDED' } as never);
  deaf(false);
  await clock.advance(1_000_000);
  assert.deepEqual(closed, ['newer ENDED']);
  close();
});

test('a turn closes only so many streams of a user who is disconnected, and all are closed', async () => {
  const { registry, closed } = opened();
  await registry.disconnect('alice', undefined, true);
  const perTurns: number[] = [];
  for (let before = 0; closed.length <= perTurn; before = closed.length) {
    await turn();
    perTurns.push(closed.length - before);
  }
  assert.ok(Math.max(...perTurns) <= perTurn, perTurns.join());
  assert.equal(closed.includes('of bob'), false);
  registry.close();
});
