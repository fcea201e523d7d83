// What sharing a cache costs, and that it computes once: docs/reference/benchmarks.md says what each figure means.

import { setTimeout as sleep } from 'node:timers/promises';
import { ChannelCredentials } from '@grpc/grpc-js';
import { createChannel, createClient, Metadata } from 'nice-grpc';
import { PublisherServiceDefinition } from '../../src/gen/portico/internal/v1/publisher.ts';
import { sharedRedis } from '../support/redis/redis.ts';
import { type Client, checkHome, checkOffers, openClient } from './client.ts';
import { type Cores, type Harness, openHarness, type Replica } from './harness.ts';
import { quantile, rounded } from './interleave.ts';
import { frameOf } from './load.ts';
import type { Result } from './result.ts';

type Measurable = Pick<Replica, 'port' | 'cpuSeconds'> & {
  /** Headers of another call than GetHome. */
  readonly more?: Readonly<Record<string, string>>;
  readonly check?: (message: Uint8Array) => unknown;
};
/** The offers in a language: with 64 tags in German, otherwise with one. */
const offers = (language: string) => ({
  more: { ':path': '/app.v1.PromotionService/ListPromotions', 'accept-language': language },
  check: checkOffers,
});

const users = 200;
const connections = 8;
const atOnce = 128;

export async function cache({ quick, cores }: { readonly quick: boolean; readonly cores: Cores }): Promise<Result> {
  await using harness = await openHarness(cores);
  const redis = await sharedRedis();
  const one = await harness.replica({ redis });
  const other = await harness.replica({ redis });
  const noL1 = await harness.replica({ redis, cache: { bytesMax: 0 } });

  const contestants = {
    embedded: { ...harness.portico, port: harness.port },
    shared: one,
    withoutL1: noL1,
    oneTag: { ...one, ...offers('en') },
    manyTags: { ...one, ...offers('de') },
  };
  const rounds = quick ? 2 : 15;
  const speeds = await measure(harness, contestants, { rounds, calls: quick ? 400 : 6_000 });
  const ratios = {
    l2_vs_l1: ratioOf(speeds.withoutL1, speeds.shared),
    versions_vs_none: ratioOf(speeds.shared, speeds.embedded),
    tags_cost: ratioOf(speeds.manyTags, speeds.oneTag),
  };
  console.error('  1,000 equal calls at once over two replicas');
  const coalesced = await coalesce(harness, [one, other], quick ? 100 : 1_000, quick ? 2 : 10);
  console.error('  invalidations');
  const invalidateMs = await invalidations(harness, one, quick ? 20 : 1_000);
  return {
    bench: 'cache',
    ratios: {
      ...Object.fromEntries(Object.entries(ratios).map(([name, { median }]) => [name, median])),
      coalesce: Math.max(...coalesced),
    },
    promises: { l2_vs_l1: { least: 0.6 }, versions_vs_none: { least: 0.8 }, tags_cost: { least: 0.6 }, coalesce: { most: 1 } },
    said: [
      `${users} users, ${rounds} rounds. Good calls per second of the server's CPU:`,
      ...Object.entries(speeds).map(([name, seen]) => `${name.padEnd(10)}${String(Math.round(quantile(seen, 0.5))).padStart(7)}`),
      `Invalidate answers within ${rounded(quantile(invalidateMs, 0.99))} ms (99 of 100), ${rounded(quantile(invalidateMs, 0.5))} ms (50 of 100).`,
    ],
    raw: {
      invalidate_p99_ms: rounded(quantile(invalidateMs, 0.99)),
      invalidate_p50_ms: rounded(quantile(invalidateMs, 0.5)),
      speeds,
      quartiles: Object.fromEntries(Object.entries(ratios).map(([name, { quartiles }]) => [name, quartiles])),
      coalesce_rounds: coalesced,
      verdicts: Object.fromEntries(await Promise.all([one, noL1].map(async (replica, i) => [['shared', 'withoutL1'][i], await verdictsOf(replica)]))),
    },
  };
}

/**
 * Good calls per second of the server's CPU, round by round: each contestant in turn, after two rounds that warm up.
 * Every answer is looked at. Only hits are measured: each round has users of its own, whose answers are stored just
 * before. Otherwise some calls would recompute what had expired, and a replica that stores pays for the others.
 */
async function measure<Name extends string>(
  { ca, token }: Harness,
  contestants: Readonly<Record<Name, Measurable>>,
  { rounds, calls }: { readonly rounds: number; readonly calls: number },
): Promise<Record<Name, number[]>> {
  const names = Object.keys(contestants) as Name[];
  const clients = new Map(names.map((name) => [name, clientsOf(contestants[name].port, ca, contestants[name].more)]));
  const speeds = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Name, number[]>;
  for (let round = -2; round < rounds; round++) {
    const tokens = await Promise.all(Array.from({ length: users }, (_, i) => token(`user-${round}-${i}`)));
    for (const name of names) {
      const clientOf = (i: number) => (clients.get(name) ?? [])[i % connections] as Client;
      for (const [i, one] of tokens.entries()) await store(clientOf(i), one, contestants[name].check ?? checkHome);
      const before = contestants[name].cpuSeconds();
      let next = 0;
      const lane = async (i: number) => {
        const client = clientOf(i);
        while (next < calls) {
          const n = next++;
          const message = await client.call(tokens[(n * 7) % tokens.length] ?? '');
          if (message.length < 500) throw new Error(`${name}: an answer of ${message.length} bytes is none.`);
          if (n % 500 === 0) (contestants[name].check ?? checkHome)(message);
        }
      };
      await Promise.all(Array.from({ length: atOnce }, (_, i) => lane(i)));
      if (round >= 0) speeds[name].push(Math.round(calls / (contestants[name].cpuSeconds() - before)));
    }
    if (round >= 0) console.error(`  round ${round + 1} of ${rounds}`);
  }
  for (const client of [...clients.values()].flat()) client.close();
  return speeds;
}

/** Calls until the answer is whole: one with parts missing, as from a cold server, is not stored. */
async function store(client: Client, token: string, check: (message: Uint8Array) => unknown): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      check(await client.call(token));
      return;
    } catch (error) {
      if (tries === 20) throw error;
      await sleep(300);
    }
  }
}

function clientsOf(port: number, ca: Buffer, more?: Measurable['more']): readonly Client[] {
  return Array.from({ length: connections }, () => openClient(port, ca, frameOf(new Uint8Array()), more));
}

/** @returns how often the screen was computed, for each round: by the calls to one upstream that each computation makes once */
async function coalesce(harness: Harness, replicas: readonly Replica[], calls: number, rounds: number): Promise<readonly number[]> {
  const clients = replicas.flatMap(({ port }) => clientsOf(port, harness.ca));
  const computes = async () => {
    const all = await Promise.all(replicas.map((replica) => replica.metrics()));
    return all.flatMap((metrics) => [...metrics]).reduce((sum, [name, value]) => sum + (isCompute(name) ? value : 0), 0);
  };
  const seen: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const token = await harness.token(`herd-${round}`);
    const before = await computes();
    await Promise.all(Array.from({ length: calls }, (_, i) => (clients[i % clients.length] as Client).call(token)));
    seen.push((await computes()) - before);
  }
  for (const client of clients) client.close();
  return seen;
}

const isCompute = (name: string) => name.startsWith('rpc_client_call_duration_seconds_count') && name.includes('AccountService');

/** How long Invalidate takes, one after the other: milliseconds. */
async function invalidations({ ca }: Harness, replica: Replica, count: number): Promise<readonly number[]> {
  const channel = createChannel(`https://localhost:${replica.internalPort}`, ChannelCredentials.createSsl(ca));
  const client = createClient(PublisherServiceDefinition, channel);
  const metadata = Metadata({ authorization: `Bearer ${await replica.serviceToken()}` });
  const took: number[] = [];
  for (let i = 0; i < count; i++) {
    const startedAt = performance.now();
    await client.invalidate({ tags: [`user:user-${i % users}`, `order:${i}`] }, { metadata });
    took.push(performance.now() - startedAt);
  }
  channel.close();
  return took;
}

function ratioOf(above: readonly number[], below: readonly number[]) {
  const all = above.map((speed, round) => speed / (below[round] ?? Number.NaN));
  return { median: rounded(quantile(all, 0.5)), quartiles: [rounded(quantile(all, 0.25)), rounded(quantile(all, 0.75))] };
}

async function verdictsOf(replica: Replica): Promise<Readonly<Record<string, number>>> {
  return Object.fromEntries([...(await replica.metrics())].filter(([name, value]) => name.startsWith('portico_cache_') && value > 0));
}
