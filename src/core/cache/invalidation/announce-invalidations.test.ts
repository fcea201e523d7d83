import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keptLog } from '../../../../test/support/log.ts';
import { memoryBus } from '../../adapters/memory/bus.ts';
import { StoreDown } from '../../kit/store-down.ts';
import type { Bus } from '../../ports/bus.ts';
import { announceInvalidations } from './announce-invalidations.ts';

const soon = () => new Promise((resolve) => setImmediate(resolve));

test('an invalidation of one replica is received by the others, and not by itself', async () => {
  const { log } = keptLog();
  const bus = memoryBus(log);
  const received: string[] = [];
  const [one, other] = ['one', 'other'].map((from) => {
    const announcements = announceInvalidations({ bus, log, from });
    announcements.receive((tags) => received.push(`${from}: ${tags}`));
    return announcements;
  });
  await soon();
  one?.announce(['item:1', 'user:ada']);
  await soon();
  assert.deepEqual(received, ['other: item:1,user:ada']);
  one?.close();
  other?.close();
});

test('more tags than fit in one message are received all the same, and all tags without any of their names', async () => {
  const { log, lines } = keptLog();
  const bus = memoryBus(log);
  const received: (readonly string[] | undefined)[] = [];
  const [one, other] = ['one', 'other'].map((from) => announceInvalidations({ bus, log, from }));
  other?.receive((tags) => received.push(tags));
  await soon();
  const tags = Array.from({ length: 1_000 }, (_, i) => String(i).padEnd(256, '"'));
  one?.announce(tags);
  await soon();
  assert.deepEqual(received.splice(0).flat(), tags);
  one?.announce([]);
  one?.announce(undefined);
  await soon();
  assert.deepEqual([received, lines], [[undefined], []]);
  one?.close();
  other?.close();
});

test('an unavailable bus is no error, because every reader of an answer reads its versions', async () => {
  const { log, lines } = keptLog();
  const bus: Bus = {
    publish: () => Promise.reject(new StoreDown('gone', 'gone')),
    subscribe: (_topic, _listener, signal) => new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason))),
  };
  const announcements = announceInvalidations({ bus, log, from: 'one' });
  announcements.receive(() => {});
  announcements.announce(['item:1']);
  await soon();
  announcements.close();
  await soon();
  assert.deepEqual(lines, []);
});
