import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keptLog, quietLog } from '../../../../test/support/log.ts';
import { fakeClock } from '../../../../test/support/time/clock.ts';
import { memoryBus } from '../../adapters/memory/bus.ts';
import { memoryRevocations } from '../../adapters/memory/revocations.ts';
import { StoreDown } from '../../kit/store-down.ts';
import type { Bus } from '../../ports/bus.ts';
import { broadcastRevocations, type RevocationBroadcasts } from './revocation-broadcast.ts';
import { pollRevocations } from './revocation-polling.ts';

const ttlMaxMs = 60_000;
const turn = () => new Promise<void>((done) => setImmediate(done));

test('an event that could not be published is retried until it is', async () => {
  const clock = fakeClock();
  const hub = memoryBus(quietLog);
  let down = true;
  const bus: Bus = { ...hub, publish: (...args) => (down ? Promise.reject(new StoreDown('gone', 'gone')) : hub.publish(...args)) };
  const here = broadcastRevocations({ local: memoryRevocations(clock), bus, clock, log: quietLog, ttlMaxMs });
  const there = broadcastRevocations({ local: memoryRevocations(clock), bus: hub, clock, log: quietLog, ttlMaxMs });
  await turn();
  await here.add('a', 60_000);
  await here.add('b', 60_000);
  await clock.advance(3_000);
  assert.deepEqual([here.has('a'), there.has('a'), there.has('b')], [true, false, false]);
  down = false;
  await clock.advance(1_000);
  assert.deepEqual([there.has('a'), there.has('b')], [true, true]);
});

test('a malformed event is logged and has no effect, and none revokes for longer than a token lives', async () => {
  const clock = fakeClock();
  const bus = memoryBus(quietLog);
  const { log, lines } = keptLog();
  const revocations = broadcastRevocations({ local: memoryRevocations(clock), bus, clock, log, ttlMaxMs });
  await turn();
  for (const text of ['', 'hello', '5', '-5 s', '5 \n']) await bus.publish('revocations', Buffer.from(text));
  assert.deepEqual([lines.length, lines[0]?.level], [5, 'warn']);
  await bus.publish('revocations', Buffer.from('999999999999 s'));
  assert.equal(revocations.has('s'), true);
  await clock.advance(ttlMaxMs);
  assert.equal(revocations.has('s'), false);
});

test('SQL is read every second while the bus fails, every five while it works, and at once after a gap', async () => {
  const clock = fakeClock();
  let whole = true;
  let onGap = () => {};
  const news: RevocationBroadcasts = { isWhole: () => whole, onGap: (callback) => (onGap = callback) };
  let asked = 0;
  const sessions = {
    revokedSince: async () => {
      asked++;
      return [];
    },
  };
  const times = async (ms: number) => {
    const before = asked;
    await clock.advance(ms);
    return asked - before;
  };
  const stop = await pollRevocations({
    sessions,
    revocations: memoryRevocations(clock),
    news,
    clock,
    log: quietLog,
    ttlMs: ttlMaxMs,
    everyMs: 1_000,
    wholeEveryMs: 5_000,
  });
  assert.equal(await times(20_000), 4);
  whole = false;
  assert.equal(await times(10_000), 10);
  whole = true;
  const before = asked;
  onGap();
  onGap(); // once more, because the first read may have begun before this gap
  await clock.advance(0);
  assert.equal(asked - before, 2);
  stop();
  onGap();
  assert.equal(await times(20_000), 0);
});
