// Whether unary calls go on while many clients return at once, and while much is invalidated at once:
// docs/reference/benchmarks.md says what each figure means.
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { GetOrderRequest } from '../../src/gen/app/v1/order.ts';
import type { Probed } from '../live/crowd/probe-main.ts';
import { sharedRedis } from '../support/redis/redis.ts';
import { openPublisher } from './fanout/publisher.ts';
import { type Cores, openHarness } from './harness.ts';
import { quantile, rounded } from './interleave.ts';
import { frameOf } from './load.ts';
import { startPinned } from './process.ts';
import type { Result } from './result.ts';
import { type Opened, openClients } from './storms/clients.ts';

const topicsCount = 20;
const eventsWhileAway = 20;
const tagsAtOnce = 64;
const quietMs = 5_000;
/** After a storm, before the next window: what it has left, such as garbage, is over. Milliseconds. */
const settleMs = 2_000;

type Phase = 'quiet' | 'return' | 'invalidation';

export async function storms({ quick, cores }: { readonly quick: boolean; readonly cores: Cores }): Promise<Result> {
  const clients = quick ? 40 : 2_000;
  const orders = clients / 2;
  const rounds = quick ? 1 : 5;
  await using harness = await openHarness(cores);
  await using open = new AsyncDisposableStack();
  const redis = await sharedRedis();
  const services = await startPinned(resolve('test/bench/servers/changing-orders.ts'), { core: cores.load, env: harness.env });
  open.defer(services.stop);
  const tls = { caFile: join(harness.folder, 'tls/ca.pem') };
  const upstream = { address: services.ready.address, tls };
  const portico = await harness.replica({
    redis,
    upstreams: { accounts: upstream, orders: upstream, couriers: upstream, promotions: upstream },
    live: { namespaces: { news: { listen: 'users', history: 1_000 } }, streamsPerUser: 100_000, beginsPerSecond: 10_000 },
  });
  const publisher = openPublisher(portico.internalPort, harness.ca, await portico.serviceToken());
  open.defer(async () => publisher.close());
  const setContent = async (content: string) => {
    await (await fetch(`http://127.0.0.1:${services.ready.controlPort}`, { method: 'POST', body: content })).arrayBuffer();
  };
  const topics = Array.from({ length: topicsCount }, (_, i) => `news:${i}`);
  const token = await harness.token('alice', ['orders.read']);
  const crowd = openClients(harness.folder, cores.load, { port: portico.port, ...tls, token, clients, topics, orders });
  open.defer(crowd.close);
  const probe = new Worker(resolve('test/live/crowd/probe-main.ts'), {
    workerData: {
      url: `https://localhost:${portico.port}`,
      ca: harness.ca.toString(),
      token,
      calls: [{ path: '/app.v1.OrderService/GetOrder', body: frameOf(GetOrderRequest.encode({ orderId: 'probe' }).finish()) }],
    },
  });
  open.defer(async () => {
    probe.postMessage('stop');
    await once(probe, 'exit');
  });
  const probed = async (): Promise<Probed> => {
    const answer = once(probe, 'message');
    probe.postMessage('report');
    return (await answer)[0] as Probed;
  };

  const seen: Record<Phase, (Probed & { readonly seconds: number; readonly cpuSeconds: number })[]> = { quiet: [], return: [], invalidation: [] };
  const during = async <T>(phase: Phase, counts: boolean, work: () => Promise<T>): Promise<T> => {
    await sleep(settleMs);
    await probed();
    const [beganMs, cpu] = [performance.now(), portico.cpuSeconds()];
    const result = await work();
    const [seconds, cpuSeconds] = [(performance.now() - beganMs) / 1_000, portico.cpuSeconds() - cpu];
    const one = { ...(await probed()), seconds, cpuSeconds };
    if (counts) seen[phase].push(one);
    return result;
  };
  const counts: (Opened & { readonly computes: number })[] = [];
  let offset = 0;
  let content = 'first';
  await crowd.open({ name: 'all are live', offset, content });
  for (let round = -1; round < rounds; round++) {
    const isMeasured = round >= 0;
    await during('quiet', isMeasured, () => sleep(quick ? 500 : quietMs));
    await crowd.cut();
    for (const topic of topics)
      await publisher.publish(Array.from({ length: eventsWhileAway }, () => ({ topic, payload: Buffer.alloc(200), requestId: '', key: '' })));
    offset += eventsWhileAway;
    const opened = await during('return', isMeasured, () => crowd.open({ name: `return ${round}`, offset, content }));
    content = `content ${round}`;
    await setContent(content);
    const computesOf = async () => (await portico.metrics()).get('portico_live_computes_total') ?? 0;
    const before = await computesOf();
    await during('invalidation', isMeasured, async () => {
      const tags = Array.from({ length: orders }, (_, i) => `order:${i}`);
      const parts = Array.from({ length: Math.ceil(orders / tagsAtOnce) }, (_, i) => tags.slice(i * tagsAtOnce, (i + 1) * tagsAtOnce));
      await Promise.all([crowd.have({ name: `content ${round}`, offset, content }), ...parts.map((part) => publisher.invalidate(part))]);
    });
    counts.push({ ...opened, computes: (await computesOf()) - before });
    if (isMeasured) console.error(`  round ${round + 1} of ${rounds}`);
  }
  const took = (phase: Phase) => seen[phase].flatMap(({ all }) => all);
  const p99 = (phase: Phase) => quantile(took(phase), 0.99);
  const failed = Object.values(seen).flatMap((phases) => phases.flatMap((one) => one.failed));
  const show = (phase: Phase) => {
    const all = took(phase);
    const at = (part: number) => quantile(all, part).toFixed(1).padStart(8);
    const sum = (of: (one: { seconds: number; cpuSeconds: number }) => number) =>
      (seen[phase].reduce((total, one) => total + of(one), 0) / rounds).toFixed(2);
    return `${phase.padEnd(13)}${String(all.length).padStart(7)}${at(0.5)}${at(0.99)}${at(1)}${sum(({ seconds }) => seconds).padStart(9)}${sum(({ cpuSeconds }) => cpuSeconds).padStart(8)}`;
  };
  return {
    bench: 'storms',
    ratios: {
      unary_p99_vs_quiet_return: rounded(p99('return') / p99('quiet')),
      unary_p99_vs_quiet_invalidation: rounded(p99('invalidation') / p99('quiet')),
      unary_failed: failed.length,
      computes_per_tag: rounded(Math.max(...counts.map(({ computes }) => computes)) / orders),
    },
    promises: { unary_p99_vs_quiet_return: { most: 2 }, unary_p99_vs_quiet_invalidation: { most: 2 }, unary_failed: { most: 0 } },
    said: [
      `${clients} clients return, ${orders} tags are invalidated; ${rounds} rounds. Unary calls in milliseconds, and a storm in seconds:`,
      '               calls     p50     p99     max  seconds     cpu',
      ...(['quiet', 'return', 'invalidation'] as const).map(show),
    ],
    raw: {
      counts,
      failed: failed.slice(0, 20),
      phases: Object.fromEntries(
        Object.entries(seen).map(([phase, all]) => [
          phase,
          all.map(({ calls, p50Ms, p99Ms, seconds, cpuSeconds }) => ({ calls, p50Ms, p99Ms, seconds, cpuSeconds })),
        ]),
      ),
    },
  };
}
