// SIGTERM at a replica with many streams: each is notified when to go, finds its place at the other replica, and misses
// nothing that is published meanwhile. LIVE_STREAMS=120 for a short run.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openRoughNetwork } from '../support/link/rough-network.ts';
import { ownPrefix, startRedisServer } from '../support/redis/redis.ts';
import { seeded } from '../support/time/seeded.ts';
import { until } from '../support/time/until.ts';
import { openListener } from './crowd/listener.ts';
import { openPublishers } from './crowd/publishers.ts';
import { openReplicas, type Replica } from './crowd/replicas.ts';

const clients = Number(process.env.LIVE_STREAMS ?? 1_000);
const graceMs = 16_000;
const patienceMs = 60_000 + 100 * clients;
const topics = Array.from({ length: 10 }, (_, i) => `chaos:${i}`);

test(`${clients} streams of a replica that is terminated go on at the other one`, { timeout: 4 * patienceMs }, async (context) => {
  await using stack = new AsyncDisposableStack();
  const random = seeded(1);
  const redis = stack.use(await startRedisServer({ config: ['maxmemory-policy noeviction'] }));
  const place = { mode: 'single' as const, nodes: [redis.address], prefix: ownPrefix() };
  const settings = {
    namespaces: { chaos: { listen: 'users', history: 10_000 } },
    streamsPerUser: 100_000,
    beginsPerSecond: 10_000,
  };
  const replicas = stack.use(await openReplicas({ places: [place, place], settings, drainGrace: `${graceMs}ms`, drainSpread: `${graceMs / 2}ms` }));
  const { ca, serviceToken } = replicas;
  const [leaving, staying] = replicas.all as [Replica, Replica];
  const network = stack.use(await openRoughNetwork([leaving.port], random));
  const publishers = openPublishers({ topics, ports: [staying.internalPort], ca, serviceToken, random, eventsPerSecond: 100 });
  stack.defer(publishers.close);
  const token = await replicas.token('crowd');
  const delays: number[] = [];
  const listeners = Array.from({ length: clients }, (_, i) =>
    openListener({
      name: `client ${i}`,
      port: network.port,
      ca,
      token,
      topics: [topics[i % topics.length] as string],
      random,
      heartbeatMs: 25_000,
      onMessage: (message) => {
        if (message?.$case === 'goingAway') delays.push(message.value.delayMs);
      },
    }),
  );
  stack.defer(() => {
    for (const { live } of listeners) live.close();
  });
  const allAreLive = () => listeners.every(({ live }) => live.state.phase === 'live');
  await until('all clients are live', allAreLive, patienceMs);
  let publishing = true;
  const published = (async () => {
    while (publishing) await publishers.publish(100);
  })();
  network.leadTo([staying.port]); // as a balancer does that asks /readyz
  await leaving.terminate();
  await until('all clients are live at the other one', allAreLive, patienceMs);
  publishing = false;
  await published;
  await until('all clients have all', () => listeners.every((listener) => listener.isAtEnd(publishers.published)), patienceMs);
  assert.deepEqual(listeners.flatMap((listener) => listener.problems(publishers.published)).slice(0, 20), []);
  assert.equal(
    listeners.reduce((sum, listener) => sum + listener.lost(), 0),
    0,
  );
  assert.equal(delays.length, clients, 'each was notified, once');
  const quarters = [0, 1, 2, 3].map((quarter) => delays.filter((ms) => Math.floor((ms / (graceMs / 2)) * 4) === quarter).length);
  context.diagnostic(`notified to go within 0 to ${graceMs / 2} ms, by quarters of it: ${quarters}`);
  for (const count of quarters) assert.ok(count > clients / 8, String(quarters));
});
