// What waits for all clients together: those that take nothing make room for those that read.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openLiveServer } from '../support/server/live-server.ts';
import { until } from '../support/time/until.ts';

test('clients that take nothing are closed with RESUME when together they hold too much, and others miss nothing', async () => {
  await using server = await openLiveServer({
    settings: { 'live.queuedBytes': 1_000_000, 'live.unacknowledgedMax': 5, 'live.stalled': '10m', 'live.streamsPerUser': 100 },
  });
  const topic = 'news:large';
  const own = Array.from({ length: 20 }, (_, i) => `news:slow-${i}`);
  const quick = await server.live('gus', { device: 'quick', subscriptions: [{ topic }] });
  await quick.wait('subscribed');
  const slow = await Promise.all(
    own.map((name) => server.live('gus', { device: name, subscriptions: [{ topic }, { topic: name }] }, { acknowledges: false })),
  );
  for (const client of slow) await client.wait('subscribed', 2);
  const texts = Array.from({ length: 60 }, (_, i) => `${i} ${'x'.repeat(2_000)}`);
  for (const text of texts) await server.publish({ topic, text }); // 110 KB wait for 20 clients, and are there once
  assert.deepEqual(
    slow.flatMap((client) => client.all('closed')),
    [],
  );
  for (const text of texts) await server.publish(...own.map((name) => ({ topic: name, text }))); // 20 times 110 KB
  await until('the quick client has all', () => quick.events().length === texts.length);
  assert.deepEqual(quick.events(), texts);
  const closed = slow.filter((client) => client.all('closed').length > 0);
  assert.ok(closed.length >= 10, `${closed.length} of 20 were closed`);
  for (const client of closed) assert.deepEqual([client.all('closed')[0]?.reason, client.all('closed')[0]?.advice], ['STREAM_SLOW', 1]);
  assert.equal(quick.all('closed').length, 0);
});
