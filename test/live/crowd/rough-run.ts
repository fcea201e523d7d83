// Many clients on a network that cuts and swallows connections, while events are published, replicas are killed and
// announcements are lost. Unless Redis itself loses something, no client may be notified that it may have missed events.
import { setTimeout as sleep } from 'node:timers/promises';
import { type LossyRedisLink, openLossyRedisLink } from '../../support/link/lossy-redis-link.ts';
import { openRoughNetwork } from '../../support/link/rough-network.ts';
import { ownPrefix, startRedisServer } from '../../support/redis/redis.ts';
import { seeded } from '../../support/time/seeded.ts';
import { until } from '../../support/time/until.ts';
import { openListener } from './listener.ts';
import { loseEnd } from './lose-end.ts';
import { progressOf } from './progress.ts';
import { openPublishers } from './publishers.ts';
import { openReplicas, type Replica } from './replicas.ts';

export type RoughOptions = {
  readonly seed: number;
  readonly clients: number;
  readonly events: number;
  readonly seconds: number;
  readonly kills: number;
  /** The last events are announced to nobody, and nothing comes after them. That is found within 40 s. */
  readonly silentEnd: boolean;
  /** Redis comes back without its end in the midst of it: see lose-end.ts. */
  readonly redisLoses: boolean;
  /** The longest time for which a connection is swallowed. Milliseconds. */
  readonly swallowMs: number;
  /** The folder of the Portico that is run; default: this one. */
  readonly checkout?: string;
};

export type RoughOutcome = {
  /** What clients missed or got wrong without notice. */
  readonly problems: readonly string[];
  readonly counts: Readonly<Record<'received' | 'recovered' | 'lost' | 'cut' | 'swallowed' | 'killed' | 'announcementsLost', number>>;
};

const topics = Array.from({ length: 10 }, (_, i) => `chaos:${i}`);
const settings = {
  namespaces: { chaos: { listen: 'users', history: 10_000, historyAge: '1h' } },
  streamsPerUser: 100_000,
  beginsPerSecond: 10_000,
};
/** The interval of position checks is 40 s, and a dead connection is found within 20 s. Milliseconds. */
const quietMostMs = 90_000;
const tickMs = 250;
/** Which part of the time has passed when Redis loses its end. */
const loseAt = 0.4;

export async function runRough(options: RoughOptions): Promise<RoughOutcome> {
  const { seed, clients, events, seconds, kills, silentEnd, redisLoses, swallowMs, checkout } = options;
  const random = seeded(seed);
  await using stack = new AsyncDisposableStack();
  const redis = stack.use(await startRedisServer({ config: ['maxmemory-policy noeviction'] }));
  const links = [stack.use(await openLossyRedisLink(redis.port)), stack.use(await openLossyRedisLink(redis.port))];
  const prefix = ownPrefix();
  const places = links.map(({ address }) => ({ mode: 'single' as const, nodes: [address], prefix }));
  const replicas = stack.use(await openReplicas({ places, settings, ...(checkout !== undefined && { checkout }) }));
  const { all, ca, serviceToken } = replicas;
  const network = stack.use(
    await openRoughNetwork(
      all.map(({ port }) => port),
      random,
    ),
  );
  const ports = all.map(({ internalPort }) => internalPort);
  const publishers = openPublishers({ topics, ports, ca, serviceToken, random, eventsPerSecond: events / seconds });
  stack.defer(publishers.close);
  const token = await replicas.token('crowd');
  const listeners = Array.from({ length: clients }, (_, i) => {
    const own = [topics[i % topics.length], topics[(i * 7 + 3) % topics.length]].filter((topic) => topic !== undefined);
    const parts = { name: `client ${i}`, port: network.port, ca, token, random, heartbeatMs: 5_000 };
    return openListener({ ...parts, topics: [...new Set(own)] });
  });
  stack.defer(() => {
    for (const { live } of listeners) live.close();
  });
  await until('all clients are live', () => listeners.every(({ live }) => live.state.phase === 'live'), 60_000);

  const counts = { cut: 0, swallowed: 0, killed: 0 };
  /** A replica's restart, or a loss of Redis, which takes both replicas to be seen. */
  let broken: Promise<void> | undefined;
  const breaks = (work: () => Promise<void>) => {
    broken = work().finally(() => {
      broken = undefined;
    });
  };
  const killOne = async (replica: Replica) => {
    counts.killed++;
    await replica.kill();
    await sleep(random() * 1_000);
    await replica.start();
  };
  let loss: 'to come' | 'under way' | 'over' = redisLoses ? 'to come' : 'over';
  const loseOnce = async () => {
    loss = 'under way';
    for (const link of links) link.lose(undefined); // so that all replicas have what is lost
    // the replica that runs longest has most of the clients
    await loseEnd(redis, links[counts.killed % links.length] as LossyRedisLink, progressOf(publishers.published));
    loss = 'over';
  };
  const some = (most: number) => Math.ceil(random() * most);
  const disturb = () => {
    const chance = random();
    const count = some(clients / 12);
    if (chance < 0.35) {
      network.cut(count);
      counts.cut += count;
    } else if (chance < 0.6) {
      network.swallow(count, swallowMs);
      counts.swallowed += count;
    }
    if (loss === 'under way') return;
    for (const link of links) if (random() < 0.4) link.lose(random() < 0.5 ? 'chaos:' : undefined);
  };
  let publishing = true;
  const publishAll = async () => {
    await publishers.publish(events);
    while (loss !== 'over') await publishers.publish(100); // which it takes to be seen
  };
  const published = publishAll().finally(() => {
    publishing = false;
  });
  const beganMs = performance.now();
  while (publishing) {
    await sleep(tickMs);
    disturb();
    const elapsed = (performance.now() - beganMs) / 1_000 / seconds;
    if (broken !== undefined) continue;
    if (loss === 'to come' && elapsed > loseAt) breaks(loseOnce);
    else if (elapsed < 1 && counts.killed < kills * elapsed) breaks(() => killOne(all[counts.killed % all.length] as Replica));
  }
  await published;
  await broken;
  const publishLast = async (lose: string | undefined) => {
    for (const link of links) link.lose(lose);
    await publishers.publish(2 * topics.length);
    for (const link of links) link.lose(undefined);
    const atEnd = () => listeners.every((listener) => listener.isAtEnd(publishers.published));
    await until('all clients have all', atEnd, quietMostMs).catch(() => {}); // who has not is named below
  };
  network.heal();
  await publishLast(undefined);
  if (silentEnd) await publishLast('chaos:'); // no client returns meanwhile, for which the logs would be read
  const sum = (of: (listener: (typeof listeners)[number]) => number) => listeners.reduce((total, listener) => total + of(listener), 0);
  const lost = sum((listener) => listener.lost());
  return {
    problems: [...listeners.flatMap((listener) => listener.problems(publishers.published))],
    counts: {
      ...counts,
      received: sum((listener) => listener.received()),
      recovered: sum((listener) => listener.recovered()),
      lost,
      announcementsLost: links.reduce((total, link) => total + link.lost(), 0),
    },
  };
}
