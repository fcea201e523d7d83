// The servers of `storms`: Portico with its internal services and Redis, and node:http2 alone.
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sharedRedis } from '../../support/redis/redis.ts';
import { openPublisher } from '../fanout/publisher.ts';
import type { Cores, Harness } from '../harness.ts';
import { type Measured, startPinned } from '../process.ts';
import { type Clients, openClients } from './clients.ts';
import { openProbe, type Probe } from './probe.ts';

const topicsCount = 20;
const tagsAtOnce = 64;
/** Computations are over when none has begun for so long. Milliseconds. */
const lookMs = 250;

export type Contestant = {
  readonly server: Pick<Measured, 'cpuSeconds'>;
  readonly crowd: Clients;
  readonly probe: Probe;
  /** Publishes so many events of each topic. */
  publish(events: number): Promise<void>;
  /** Makes all watched answers new, so that none ends by its time while computations are counted. */
  refresh(): Promise<void>;
  /** Changes all orders, and sends their clients the new ones once `invalidate` says so. */
  change(content: string): Promise<void>;
  invalidate(content: string): Promise<void>;
  /** Computations of watched answers so far. */
  computes(): Promise<number>;
};

type Parts = {
  readonly harness: Harness;
  readonly cores: Cores;
  readonly open: AsyncDisposableStack;
  readonly clients: number;
  readonly orders: number;
};

const postTo = (port: unknown) => async (body: string) => {
  await (await fetch(`http://127.0.0.1:${port}`, { method: 'POST', body })).arrayBuffer();
};

export async function porticoOf({ harness, cores, open, clients, orders }: Parts): Promise<Contestant> {
  const services = await startPinned(resolve('test/bench/servers/changing-orders.ts'), { core: cores.load, env: harness.env });
  open.defer(services.stop);
  const upstream = { address: services.ready.address, tls: { caFile: join(harness.folder, 'tls/ca.pem') } };
  const server = await harness.replica({
    redis: await sharedRedis(),
    upstreams: { accounts: upstream, orders: upstream, couriers: upstream, promotions: upstream },
    live: { namespaces: { news: { listen: 'users', history: 1_000 } }, streamsPerUser: 100_000, beginsPerSecond: 10_000 },
  });
  const publisher = openPublisher(server.internalPort, harness.ca, await server.serviceToken());
  open.defer(async () => publisher.close());
  const computes = async () => (await server.metrics()).get('portico_live_computes_total') ?? 0;
  const invalidate = async () => {
    const tags = Array.from({ length: orders }, (_, i) => `order:${i}`);
    const parts = Array.from({ length: Math.ceil(orders / tagsAtOnce) }, (_, i) => tags.slice(i * tagsAtOnce, (i + 1) * tagsAtOnce));
    await Promise.all(parts.map((part) => publisher.invalidate(part)));
  };
  const topics = Array.from({ length: topicsCount }, (_, i) => `news:${i}`);
  return {
    server,
    ...(await clientsOf(server.port, { harness, cores, open, clients, orders }, topics)),
    publish: async (events) => {
      for (const topic of topics)
        await publisher.publish(Array.from({ length: events }, () => ({ topic, payload: Buffer.alloc(200), requestId: '', key: '' })));
    },
    change: postTo(services.ready.controlPort),
    refresh: async () => {
      const all = (await computes()) + orders;
      await invalidate();
      for (let before = 0, now = await computes(); now < all || now > before; now = await computes()) {
        before = now;
        await sleep(lookMs);
      }
    },
    invalidate,
    computes,
  };
}

export async function bareOf(parts: Parts): Promise<Contestant> {
  const server = await parts.harness.contestant('storms-h2.ts');
  parts.open.defer(server.stop);
  const post = postTo(server.ready.controlPort);
  return {
    server,
    ...(await clientsOf(server.port, parts, ['news:0'])),
    publish: (events) => post(JSON.stringify({ events })),
    refresh: async () => {},
    change: async () => {},
    invalidate: (content) => post(JSON.stringify({ content })),
    computes: async () => 0,
  };
}

async function clientsOf(port: number, { harness, cores, open, clients, orders }: Parts, topics: readonly string[]) {
  const token = await harness.token('alice', ['orders.read']);
  const caFile = join(harness.folder, 'tls/ca.pem');
  const crowd = openClients(harness.folder, cores.load, { port, caFile, token, clients, topics, orders });
  open.defer(crowd.close);
  const probe = openProbe({ port, ca: harness.ca, token });
  open.defer(probe.close);
  return { crowd, probe };
}
