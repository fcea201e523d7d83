// What it costs to send an event to a thousand clients: docs/reference/benchmarks.md says what each figure means.
import { join } from 'node:path';
import { buildCentrifugo, type Centrifugo, startCentrifugo } from './fanout/centrifugo.ts';
import { type Crowd, type CrowdOptions, openCrowd } from './fanout/crowd.ts';
import { eventsMessage, payloadOf, topic } from './fanout/event.ts';
import { publishDelays } from './fanout/publish-delays.ts';
import { openPublisher } from './fanout/publisher.ts';
import { type Cores, type Harness, openHarness } from './harness.ts';
import { type Done, inRounds, type Ratio, ratioOf, rounded } from './interleave.ts';
import type { Measured } from './process.ts';
import type { Result } from './result.ts';

const livePath = '/portico.v1.LiveService/Connect';
const settings = { live: { namespaces: { bench: { listen: 'users' } } } };
const watched = 'app.v1.PromotionService/ListPromotions';

/** A server with clients who are subscribed. */
type Contestant = {
  readonly name: string;
  readonly server: Pick<Measured, 'cpuSeconds'>;
  readonly crowd: Crowd;
  /** Events of one publication. */
  readonly batch: number;
  publish(n: number, count: number): Promise<void>;
  /** The number of the next event. */
  next: { n: number };
};

export async function fanout({ quick, cores }: { readonly quick: boolean; readonly cores: Cores }): Promise<Result> {
  const clients = quick ? 20 : 1_000;
  const rounds = quick ? 2 : 11;
  await using harness = await openHarness(cores);
  await using open = new AsyncDisposableStack();
  const caFile = join(harness.folder, 'tls/ca.pem');
  const tokens = await Promise.all(Array.from({ length: clients }, (_, i) => harness.token(`user-${i}`)));
  const crowdOf = async (port: number, more: Partial<CrowdOptions> = {}) => {
    const crowd = await openCrowd(harness.folder, cores.load, { kind: 'live', port, caFile, path: livePath, clients, tokens, ...more });
    open.defer(crowd.close);
    return crowd;
  };
  const memory = await memoryOf(harness, clients, crowdOf);

  const portico = await harness.replica(settings);
  const publisher = openPublisher(portico.internalPort, harness.ca, await portico.serviceToken());
  open.defer(async () => publisher.close());
  const byPortico = (n: number, count: number) =>
    publisher.publish(Array.from({ length: count }, (_, i) => ({ topic, payload: payloadOf(n + i), requestId: '', key: '' })));
  const porticoCrowd = { server: portico, crowd: await crowdOf(portico.port), publish: byPortico, next: { n: 0 } };
  const contestants: Contestant[] = [
    { name: 'single', batch: 1, ...porticoCrowd },
    { name: 'batched', batch: 10, ...porticoCrowd },
  ];
  for (const [name, file] of [
    ['h2', 'fanout-h2.ts'],
    ['nice', 'fanout-nice-grpc.ts'],
  ] as const) {
    const server = await harness.contestant(file);
    const publish = async (n: number, count: number) => {
      const body = Buffer.from(eventsMessage(n, count));
      await (await fetch(`http://127.0.0.1:${server.ready.controlPort}`, { method: 'POST', body })).arrayBuffer();
    };
    contestants.push({ name, batch: 1, server, crowd: await crowdOf(server.port), publish, next: { n: 0 } });
  }
  const program = await buildCentrifugo();
  if (program !== undefined) {
    const tls = { certFile: join(harness.folder, 'tls/cert.pem'), keyFile: join(harness.folder, 'tls/key.pem') };
    const server: Centrifugo = await startCentrifugo(program, { folder: harness.folder, core: cores.server, ...tls });
    open.defer(server.stop);
    const crowd = await crowdOf(server.port, { kind: 'centrifugo' });
    contestants.push({ name: 'centrifugo', batch: 1, server, crowd, publish: server.publish, next: { n: 0 } });
  }
  const speeds = await inRounds(contestants, { rounds }, (contestant) => somePublications(contestant, quick ? 3 : 30, clients));
  const delays = await publishDelays(harness, settings, { times: quick ? 50 : 1_500 });
  const computes = await watchComputes(harness, clients, crowdOf);

  const ratios: Record<string, Ratio> = {
    single_vs_h2: ratioOf(speeds.single, speeds.h2),
    single_vs_nice: ratioOf(speeds.single, speeds.nice),
    batched_vs_single: ratioOf(speeds.batched, speeds.single),
    ...(speeds.centrifugo !== undefined && { deliveries_vs_centrifugo: ratioOf(speeds.single, speeds.centrifugo) }),
  };
  return {
    bench: 'fanout',
    ratios: {
      ...Object.fromEntries(Object.entries(ratios).map(([name, { median }]) => [name, median])),
      rss_vs_h2: rounded(memory.portico / memory.h2),
      publish_over_redis: rounded(delays.publish.p99Ms / delays.redis.p99Ms),
      watch_computes: computes.computes,
    },
    promises: {
      single_vs_h2: { least: 0.8 },
      single_vs_nice: { least: 1 },
      batched_vs_single: { least: 3 },
      deliveries_vs_centrifugo: { least: 0.5 },
      rss_vs_h2: { most: 1.25 },
      publish_over_redis: { most: 8 },
      watch_computes: { most: 1 },
    },
    said: [
      `${clients} clients, each on a connection of its own; ${rounds} rounds. Checked deliveries per second of the server's CPU:`,
      ...Object.entries(speeds).map(([name, { callsPerCpuSecond }]) => `${name.padEnd(11)}${String(Math.round(callsPerCpuSecond)).padStart(8)}`),
      `Bytes of memory for an idle client: ${Math.round(memory.portico)}, of node:http2 ${Math.round(memory.h2)}.`,
      ...(program === undefined ? ['Without Go there is no Centrifugo to compare with.'] : []),
    ],
    raw: {
      speeds,
      quartiles: Object.fromEntries(Object.entries(ratios).map(([name, { quartiles }]) => [name, quartiles])),
      memory,
      delays,
      computes,
    },
  };
}

/** Some publications, until all clients have each of their events. In deliveries. */
async function somePublications({ server, crowd, batch, publish, next }: Contestant, publications: number, clients: number): Promise<Done> {
  const before = server.cpuSeconds();
  for (let i = 0; i < publications; i++) {
    await publish(next.n, batch);
    next.n += batch;
    await crowd.reached(next.n - 1); // which throws unless every client has checked every event
  }
  const good = publications * batch * clients;
  return { good, calls: good, cpuSeconds: server.cpuSeconds() - before };
}

type CrowdOf = (port: number, more?: Partial<CrowdOptions>) => Promise<Crowd>;

/** What a connected client costs that gets nothing: bytes of the resident set, by servers that have had some clients before. */
async function memoryOf(harness: Harness, clients: number, crowdOf: CrowdOf) {
  const cost = async (server: Measured & { readonly port: number }) => {
    const few = await crowdOf(server.port, { clients: Math.min(clients, 40) });
    await few.close();
    const before = await server.rssAfterGc();
    const crowd = await crowdOf(server.port);
    const after = await server.rssAfterGc();
    await crowd.close();
    await server.stop();
    return (after - before) / clients;
  };
  console.error('  memory');
  return { portico: await cost(await harness.replica(settings)), h2: await cost(await harness.contestant('fanout-h2.ts')) };
}

/** Computations of a SHARED answer that all clients watch, for one invalidation each: the most of them. */
async function watchComputes(harness: Harness, clients: number, crowdOf: CrowdOf) {
  console.error('  watches');
  const replica = await harness.replica(settings);
  const publisher = openPublisher(replica.internalPort, harness.ca, await replica.serviceToken());
  const crowd = await crowdOf(replica.port, { watch: watched });
  const counted = async () => (await replica.metrics()).get('portico_live_computes_total') ?? 0;
  const each: number[] = [];
  for (let i = 0; i < 5; i++) {
    const before = await counted();
    await publisher.invalidate(['promotions']);
    await new Promise((settled) => setTimeout(settled, 3_000)); // longer than any interval between computations
    each.push((await counted()) - before);
  }
  publisher.close();
  await crowd.close();
  return { computes: Math.max(...each), each, watchers: clients };
}
