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
