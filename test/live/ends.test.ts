// What is left when clients have gone, and how a server that stops sends them on.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type LiveServer, openLiveServer } from '../support/server/live-server.ts';
import { seeded } from '../support/time/seeded.ts';
import { until } from '../support/time/until.ts';

const gauges = ['portico_live_streams', 'portico_live_topics', 'portico_live_watched'];
const valuesOf = async ({ adminUrl }: LiveServer) => {
  const page = await (await fetch(`${adminUrl}/metrics`)).text();
  return gauges.map((name) => Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\d+)`, 'm').exec(page)?.[1] ?? 0));
};

test('a stopping server announces it with a delay for each client, then closes with RESUME', async () => {
  const server = await openLiveServer({ settings: { 'drain.grace': '6s' } });
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

test('random subscribes, watches, ends and cuts leave nothing behind', async () => {
  const server = await openLiveServer();
  try {
    const random = seeded(7);
    const pick = (most: number) => Math.floor(random() * most);
    const request = Buffer.from('');
    for (let round = 0; round < 12; round++) {
      const client = await server.live('alice', { device: `hammer ${round % 4}` });
      for (let step = 0; step < 30; step++) {
        const topic = `news:h${pick(3)}`;
        const id = pick(3);
        const wishes = [
          { case: 'subscribe', value: { topic, generation: step } },
          { case: 'unsubscribe', value: { topic, generation: step } },
          { case: 'watch', value: { id, generation: step, method: 'fixture.v1.ScreenService/ListItems', request } },
          { case: 'unwatch', value: { id, generation: step } },
        ];
        client.send(wishes[pick(wishes.length)] ?? { case: 'heartbeat', value: {} });
        if (pick(6) === 0) await server.publish({ topic, text: String(step) });
        if (pick(10) === 0) await server.invalidate('items');
      }
      if (pick(2) === 0) client.cut();
      else client.send({ case: 'goodbye', value: {} });
      await until('the stream has ended', () => client.ended() !== undefined);
    }
    await until('nothing is left', async () => (await valuesOf(server)).every((value) => value === 0));
    const again = await server.live('bob', { subscriptions: [{ topic: 'news:h0' }] });
    await again.wait('subscribed');
    assert.deepEqual(await valuesOf(server), [1, 1, 0]);
    await server.publish({ topic: 'news:h0', text: 'still' });
    await until('it came', () => again.events().includes('still'));
    again.cut();
  } finally {
    await server.close();
  }
});
