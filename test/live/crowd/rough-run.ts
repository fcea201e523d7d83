// Many clients on a network that cuts and swallows connections, while events are published, replicas are killed and
// announcements are lost. Redis itself loses nothing: so no client may miss an event, or be told that it may have.
import { setTimeout as sleep } from 'node:timers/promises';
import { openLossyRedisLink } from '../../support/link/lossy-redis-link.ts';
import { openRoughNetwork } from '../../support/link/rough-network.ts';
import { ownPrefix, startRedisServer } from '../../support/redis/redis.ts';
import { seeded } from '../../support/time/seeded.ts';
import { until } from '../../support/time/until.ts';
import { openListener } from './listener.ts';
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

export async function runRough({ seed, clients, events, seconds, kills, silentEnd, swallowMs, checkout }: RoughOptions): Promise<RoughOutcome> {
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
  const restarts = new Set<Promise<void>>();
  const killOne = (replica: Replica) => {
    counts.killed++;
    const restarted = replica
      .kill()
      .then(() => sleep(random() * 1_000))
      .then(() => replica.start())
      .finally(() => restarts.delete(restarted));
    restarts.add(restarted);
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
    } else links[Math.floor(random() * links.length)]?.lose(chance < 0.75 ? 'chaos:' : undefined);
  };
  let publishing = true;
  const published = publishers.publish(events).finally(() => {
    publishing = false;
  });
  const beganMs = performance.now();
  while (publishing) {
    await sleep(tickMs);
    disturb();
    const elapsed = (performance.now() - beganMs) / 1_000 / seconds;
    if (restarts.size === 0 && counts.killed < kills * elapsed && elapsed < 1) killOne(all[counts.killed % all.length] as Replica);
  }
  await published;
  await Promise.all(restarts);
  for (const link of links) link.lose(silentEnd ? 'chaos:' : undefined);
  await publishers.publish(2 * topics.length);
  for (const link of links) link.lose(undefined);
  network.heal();
  const atEnd = () => listeners.every((listener) => listener.isAtEnd(publishers.published));
  await until('all clients have all', atEnd, quietMostMs).catch(() => {}); // who has not is named below
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
