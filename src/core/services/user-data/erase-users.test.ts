import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metrics } from '@opentelemetry/api';
import { quietLog } from '../../../../test/support/log.ts';
import { fakeClock } from '../../../../test/support/time/clock.ts';
import type { Erasure, Erasures } from '../../ports/user-data.ts';
import { openErasing } from './erase-users.ts';

type Kept = { erasure: Erasure; touchedMs: number; isDone: boolean };

test('an erasure whose step fails again and again keeps no other one from being taken over', async () => {
  const clock = fakeClock();
  const kept = new Map<string, Kept>();
  const begin = (id: string) => {
    const erasure = { id, userId: id, secret: new Uint8Array(32), beforeMs: 0, passes: 2, restedMs: 1_000_000, partsDone: [], place: undefined };
    kept.set(id, { erasure: id === 'bad' ? { ...erasure, passes: 0 } : erasure, touchedMs: clock.nowMs(), isDone: false });
  };
  const erasures: Erasures = {
    accept: async (userId) => userId,
    read: async (id) => (kept.get(id)?.isDone === false ? kept.get(id)?.erasure : undefined),
    report: async () => assert.fail(),
    record: async () => {},
    endPass: async () => {},
    finish: async (id) => {
      const one = kept.get(id);
      if (one !== undefined) one.isDone = true;
      return true;
    },
    takeAbandoned: async (forMs) => {
      const abandoned = [...kept.values()].filter(({ isDone, touchedMs }) => !isDone && touchedMs <= clock.nowMs() - forMs);
      const [oldest] = abandoned.sort((a, b) => a.touchedMs - b.touchedMs);
      if (oldest !== undefined) oldest.touchedMs = clock.nowMs();
      return oldest?.erasure.id;
    },
    underWay: async () => ({ count: 0, userIds: [] }),
  };
  let steps = 0;
  const part = {
    name: 'part',
    erase: async () => {
      steps++;
      throw new Error('a defect');
    },
    export: async function* () {},
  };
  const erasing = openErasing({
    ...{ erasures, parts: [part], secondPassAfterMs: 0, hasReplicas: false, forget: async () => {} },
    ...{ opened: Promise.resolve(), clock, log: quietLog, meter: metrics.getMeter('test') },
  });
  begin('bad');
  await clock.advance(1_000);
  begin('good');
  await clock.advance(100_000);
  assert.equal(kept.get('good')?.isDone, true);
  assert.ok(steps > 1, 'it is tried again');
  await erasing.close();
});
