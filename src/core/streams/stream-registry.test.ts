import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { quietLog } from '../../../test/support/log.ts';
import { fakeClock } from '../../../test/support/time/clock.ts';
import { memoryBus } from '../adapters/memory/bus.ts';
import type { Stream } from './stream.ts';
import { openRegistry } from './stream-registry.ts';
import { openTurns, perTurn } from './turns.ts';

test('a turn announces the end of only so many streams, and all are announced', async () => {
  const limits = { perUser: 1, perAddress: 1, beginsPerSecond: 1 };
  const registry = openRegistry({
    bus: memoryBus(quietLog),
    limits,
    clock: fakeClock(),
    random: () => 0.5,
    log: quietLog,
    turns: openTurns(),
    topic: 'test',
  });
  const announced: number[] = [];
  for (let id = 0; id <= perTurn; id++) {
    const stream = { id: String(id), signal: new AbortController().signal, goAway: () => announced.push(id), close: () => {} };
    registry.add({ stream: stream as unknown as Stream, userId: 'alice', sessionId: undefined }, undefined);
  }
  assert.equal(registry.drain(0, 0), perTurn + 1);
  assert.equal(announced.length, 0, 'nothing at once');
  await turn();
  assert.equal(announced.length, perTurn);
  await turn();
  assert.equal(announced.length, perTurn + 1);
  registry.close();
});
