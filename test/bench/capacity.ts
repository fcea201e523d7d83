// What a client, a delivery, a call, a message and a handshake cost: docs/operating/capacity.md has the figures.
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Costs } from '../../src/cli/capacity/costs.ts';
import { startPostgresServer } from '../support/postgres/postgres-server.ts';
import { startRedisServer } from '../support/redis/redis.ts';
import { events, openClients } from './capacity/clients.ts';
import { openCountingRelay } from './capacity/counting-relay.ts';
import { firstSession, handshakes } from './capacity/handshakes.ts';
import { openMeter } from './capacity/meter.ts';
import { openSenders, storedIn } from './capacity/sends.ts';
import { writeCosts } from './capacity/write-costs.ts';
import { insertConversations, users } from './chat/conversations.ts';
import { openClient } from './client.ts';
import { openPublisher } from './fanout/publisher.ts';
import { type Cores, type Harness, openHarness, type Replica } from './harness.ts';
import { callsOf } from './home-calls.ts';
import { frameOf, h2load, needH2load, written } from './load.ts';
import type { Result } from './result.ts';

const settings = {
  live: { namespaces: { bench: { listen: 'users' } }, messagesPerSecond: 10_000, beginsPerSecond: 10_000, unacknowledgedMax: 100_000 },
  chat: { writesPerSecond: 10_000 },
};
const heartbeatMs = 5_000;
/** A call whose deadline ends on a busy machine costs as much as one that is answered; more of them are another workload. */
const goodLeast = 0.97;

export type CapacityOptions = { readonly quick: boolean; readonly cores: Cores; readonly write: boolean };

export async function capacity({ quick, cores, write }: CapacityOptions): Promise<Result> {
  needH2load();
  await using open = new AsyncDisposableStack();
  const postgres = await startPostgresServer({ durable: true });
  open.defer(postgres.stop);
  process.env.TEST_POSTGRES_URL = postgres.url; // the harness takes this one
  const redis = open.use(await startRedisServer({ config: ['maxmemory-policy noeviction'] }));
  const redisPid = Number(/process_id:(\d+)/.exec(String(await redis.command('INFO', 'server')))?.[1]);
  const harness = open.use(await openHarness(cores));
  await insertConversations(harness.databaseUrl);
  const replica = await harness.replica({ ...settings, redis: { mode: 'single', nodes: [redis.address], prefix: 'bench:' } });
  const meter = openMeter(replica, { redis: redisPid, postgres: postgres.pid, rounds: quick ? 1 : 7 });
  const measure = { harness, replica, meter, quick, loadCore: cores.load };

  console.error('  calls');
  const calls = await callCosts(measure);
  console.error('  clients');
  const clients = await clientCosts(measure);
  console.error('  messages');
  const sends = await sendCosts(measure);
  console.error('  handshakes');
  const tls = await handshakeCosts(measure);
  const measured = { ...calls, ...clients, ...sends, ...tls };
  const cpu = cpus()[0]?.model ?? 'an unknown processor';
  const machine = `${new Date().toISOString().slice(0, 10)}, ${cpu}, Node ${process.versions.node}, load average ${(loadavg()[0] ?? 0).toFixed(1)}`;
  const costs: Costs = {
    machine,
    ...(Object.fromEntries(Object.entries(measured).map(([name, value]) => [name, rounded(value)])) as typeof measured),
  };
  if (write) writeCosts(costs);
  return {
    bench: 'capacity',
    ratios: {},
    promises: {},
    said: [machine, ...Object.entries(measured).map(([name, value]) => `${name.padEnd(24)}${String(rounded(value)).padStart(12)}`)],
    raw: costs,
  };
}

type Measure = {
  readonly harness: Harness;
  readonly replica: Replica;
  readonly meter: ReturnType<typeof openMeter>;
  readonly quick: boolean;
  readonly loadCore: number;
};

/** Three digits: more are noise. */
const rounded = (value: number) => Number(Math.max(0, value).toPrecision(3));

async function callCosts({ harness, replica, meter, quick, loadCore }: Measure) {
  const token = await harness.token('alice');
  const kinds = callsOf(harness, token);
  const cost = async (kind: 'cached' | 'uncached', count: number, connections: number) => {
    const { path, headers, body, check } = kinds[kind];
    await check(replica.port);
    const bodyFile = written(join(harness.folder, `${kind}.body`), body);
    const load = {
      url: `https://localhost:${replica.port}${path}`,
      headers,
      bodyFile,
      answerBytes: frameOf(new Uint8Array(1_000)).length,
      connections,
    };
    return meter.costOf(count, async () => {
      const good = await h2load(loadCore, count, load);
      if (good < goodLeast * count) throw new Error(`Only ${good} of ${count} ${kind} calls were good.`);
    });
  };
  const cached = await cost('cached', quick ? 400 : 8_000, 8);
  const uncached = await cost('uncached', quick ? 200 : 2_000, 1);
  await using relay = await openCountingRelay(replica.port);
  const client = openClient(relay.port, harness.ca, frameOf(new Uint8Array()));
  await client.call(token); // also the handshake
  const before = relay.bytes();
  for (let i = 0; i < 50; i++) await client.call(token);
  const callWireBytes = (relay.bytes() - before) / 50;
  client.close();
  return {
    cachedCallMicros: cached.server,
    cachedCallRedisMicros: cached.redis,
    uncachedCallMicros: uncached.server,
    uncachedCallRedisMicros: uncached.redis,
    callWireBytes,
    processBytes: await replica.rssAfterGc(),
  };
}

async function clientCosts({ harness, replica, meter, quick }: Measure) {
  const count = quick ? 20 : 1_000;
  const tokens = await Promise.all(Array.from({ length: count }, (_, i) => harness.token(`user-${i}`)));
  const parts = { port: replica.port, ca: harness.ca, tokens, heartbeatMs };
  const few = tokens.slice(0, quick ? 5 : 100);
  const arrival = await meter.costOf(few.length, async () => (await openClients({ ...parts, tokens: few })).close());
  const publisher = openPublisher(replica.internalPort, harness.ca, await replica.serviceToken());
  const before = await replica.rssAfterGc();
  const clients = await openClients(parts);
  const clientBytes = ((await replica.rssAfterGc()) - before) / count;
  const beats = quick ? 1 : 3;
  const heartbeat = await meter.costOf(count * beats, async () => {
    for (let i = 0; i < beats; i++) {
      clients.heartbeat();
      await sleep(heartbeatMs);
    }
  });
  let published = 0;
  const publish = async (times: number, received: { received(events: number): Promise<void> } | undefined) => {
    for (let i = 0; i < times; i++) {
      await publisher.publish(events(published++, 1));
      await received?.received(published);
    }
  };
  const times = quick ? 3 : 20;
  const toAll = await meter.costOf(times, () => publish(times, clients));
  clients.close();
  await sleep(1_000); // the server has seen that they are gone
  const toNobody = await meter.costOf(200, () => publish(200, undefined));
  await using relay = await openCountingRelay(replica.port);
  const one = await openClients({ ...parts, port: relay.port, tokens: tokens.slice(0, 1) });
  const arrivalWireBytes = relay.bytes();
  await publish(50, undefined);
  await one.received(50);
  const deliveryWireBytes = (relay.bytes() - arrivalWireBytes) / 50;
  const beforeHeartbeat = relay.bytes();
  one.heartbeat();
  await sleep(heartbeatMs + 1_000);
  const heartbeatWireBytes = relay.bytes() - beforeHeartbeat;
  one.close();
  publisher.close();
  return {
    clientBytes,
    heartbeatMicros: heartbeat.server,
    heartbeatWireBytes,
    deliveryMicros: (toAll.server - toNobody.server) / count,
    deliveryWireBytes,
    publishMicros: toNobody.server,
    publishRedisMicros: toNobody.redis,
    arrivalMicros: arrival.server,
    arrivalRedisMicros: arrival.redis,
    arrivalWireBytes,
  };
}

async function sendCosts({ harness, replica, meter, quick }: Measure) {
  const senders = await openSenders(harness, replica);
  /** Its fixed cost makes a transaction of one message the dearest. @throws Error when a message is not stored, or a lone one shares its transaction */
  const cost = async (count: number, atOnce: number) => {
    await senders.send(count, atOnce);
    const before = await storedIn(harness.databaseUrl);
    let sent = 0;
    const { server, redis, postgres } = await meter.costOf(count, async () => {
      await senders.send(count, atOnce);
      sent += count;
    });
    const after = await storedIn(harness.databaseUrl, before.transaction);
    const stored = after.events - before.events;
    if (stored !== sent) throw new Error(`${sent} messages were acknowledged, and ${stored} are stored.`);
    const shared = stored / after.transactions;
    console.error(
      `    ${atOnce} at once: ${shared.toFixed(2)} of a transaction, PostgreSQL ${postgres.toFixed(0)} µs, server ${server.toFixed(0)} µs`,
    );
    if (atOnce === 1 && shared > 1.01) throw new Error('Messages that come one after the other share transactions.');
    return { server, redis, postgres, bytes: (after.bytes - before.bytes) / sent, logBytes: (after.logBytes - before.logBytes) / sent };
  };
  const alone = await cost(quick ? 64 : 800, 1);
  const together = await cost(quick ? 640 : 3_200, users);
  senders.close();
  return {
    sendMicros: alone.server,
    sendRedisMicros: alone.redis,
    sendPostgresMicros: alone.postgres,
    togetherPostgresMicros: together.postgres,
    sendStoredBytes: together.bytes,
    sendLogBytes: alone.logBytes,
  };
}

async function handshakeCosts({ harness, replica, meter, quick }: Measure) {
  const parts = { port: replica.port, ca: harness.ca };
  const count = quick ? 20 : 200;
  const full = await meter.costOf(count, () => handshakes(count, parts));
  const session = await firstSession(parts);
  const resumed = await meter.costOf(count, () => handshakes(count, parts, session));
  return { handshakeMicros: full.server, resumedHandshakeMicros: resumed.server };
}
