// What is left when clients have gone, and how a server that stops sends them on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openLiveServer } from '../support/server/live-server.ts';
import { until } from '../support/time/until.ts';
import { hammer } from './hammer.ts';

test('a stopping server announces it with a delay for each client, then closes with RESUME', async () => {
  const server = await openLiveServer({ settings: { 'drain.grace': '6s', 'drain.spread': '3s' } });
  try {
    const clients = await Promise.all(['a', 'b', 'c', 'd'].map((device) => server.live('alice', { device, subscriptions: [{ topic: 'news:1' }] })));
    for (const client of clients) await client.wait('subscribed');
    const drained = server.portico.drain();
    for (const client of clients) {
      const { delayMs, closesInMs } = await client.wait('goingAway');
      assert.ok(delayMs <= 3_000 && closesInMs > delayMs && closesInMs <= 4_500, `${delayMs} ${closesInMs}`);
      const { reason, advice } = await client.wait('closed');
      assert.deepEqual([reason, advice], ['DRAINING', 1]);
    }
    assert.equal((await drained).cut, 0);
  } finally {
    await server.close();
  }
});

test('everything in random order leaves nothing behind, and new clients are served', async () => {
  const server = await openLiveServer();
  try {
    const refuse = (isRefused: boolean) => {
      server.fixture.switches.titleFailCode = isRefused ? 7 : 0;
    };
    await hammer({ servers: [server], refuse, seed: 7, steps: 200 });
    const again = await server.live('bob', { subscriptions: [{ topic: 'news:h0' }] });
    await again.wait('subscribed');
    await server.publish({ topic: 'news:h0', text: 'still' });
    await until('it came', () => again.events().includes('still'));
    again.cut();
  } finally {
    await server.close();
  }
});
