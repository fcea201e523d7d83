// Clients that never read, never acknowledge, or begin ever more: the memory of the server stays, others receive all,
// and those that were closed recover what they missed when they behave.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { LiveRequest, LiveResponse, type Subscribe } from '../../src/gen/portico/v1/live.ts';
import { type H2Client, openH2Client } from '../support/client/h2-client.ts';
import { scraped } from '../support/client/scrape.ts';
import { ownPrefix, startRedisServer } from '../support/redis/redis.ts';
import { seeded } from '../support/time/seeded.ts';
import { until } from '../support/time/until.ts';
import { type Listener, openListener } from './crowd/listener.ts';
import { openPublishers } from './crowd/publishers.ts';
import { openReplicas, type Replica } from './crowd/replicas.ts';

const each = Number(process.env.LIVE_HOSTILE ?? 8);
const topics = ['chaos:0'];
const eventBytes = 10_000;
const patienceMs = 120_000;
/** What V8 and the kernel move about besides. Bytes. */
const flatBytes = 120_000_000;

test(`${each} clients of each hostile kind cost no memory and disturb nobody`, { timeout: 4 * patienceMs }, async (context) => {
  await using stack = new AsyncDisposableStack();
  const random = seeded(1);
  const redis = stack.use(await startRedisServer({ config: ['maxmemory-policy noeviction'] }));
  const replicas = stack.use(
    await openReplicas({
      places: [{ mode: 'single', nodes: [redis.address], prefix: ownPrefix() }],
      settings: {
        namespaces: { chaos: { listen: 'users', history: 10_000 } },
        streamsPerUser: 1_000,
        heartbeat: '5s',
        stalled: '2s',
        bytesMax: 1_048_576,
        unacknowledgedMax: 100,
      },
      front: { timers: { stall: '4s' } },
    }),
  );
  const { ca, serviceToken } = replicas;
  const [replica] = replicas.all as [Replica];
  const { port, adminUrl } = replica;
  const ports = [replica.internalPort];
  const publishers = openPublishers({ topics, ports, ca, serviceToken, random, eventsPerSecond: 200, eventBytes });
  stack.defer(publishers.close);
  const token = await replicas.token('crowd');
  const common = { port, ca, token, topics, random, heartbeatMs: 5_000 };
  const opened: Listener[] = [];
  const some = (kind: string, more: (i: number) => object) =>
    Array.from({ length: each }, (_, i) => {
      const listener = openListener({ ...common, name: `${kind} ${i}`, ...more(i) });
      opened.push(listener);
      return listener;
    });
  stack.defer(() => {
    for (const { live } of opened) live.close();
  });
  let hostile = true;
  const sockets = new Map<number, H2Client>();
  some('good', () => ({}));
  some('never acknowledges', () => ({ sends: ({ $case }: { readonly $case: string }) => !hostile || $case !== 'acknowledge' }));
  some('never reads', (i) => ({ onOpen: (client: H2Client) => void sockets.set(i, client) }));
  some('opens no window', () => ({ windowOf: () => (hostile ? 20_000 : undefined) }));
  await until('all are live', () => opened.every(({ live }) => live.state.phase === 'live'), patienceMs);
  for (const { socket } of sockets.values()) socket.pause();
  const closings = (reason: string) => scraped({ adminUrl }, 'portico_live_closed_total', `"${reason}"`);
  const abuse = (reason: string) => scraped({ adminUrl }, 'portico_abuse_total', `${reason}"`);

  const storms = openStorms(replica, ca, await replicas.token('mallory'));
  stack.defer(storms.stop);
  await publishers.publish(200);
  const memory = replica.memory();
  await publishers.publish(800);
  const grown = replica.memory() - memory;
  const good = opened.slice(0, each);
  await until('the others have all', () => good.every((listener) => listener.isAtEnd(publishers.published)), patienceMs);
  await until('the slow were closed, of each kind', async () => (await closings('STREAM_SLOW')) >= 3 * each, patienceMs);
  await until('those that open no window were ended', async () => (await abuse('stalled')) >= each, patienceMs);
  await until('the storms were ended', async () => (await closings('MESSAGES_TOO_MANY')) > 0 && storms.refused() > 0, patienceMs);
  context.diagnostic(
    `memory ${Math.round(memory / 1e6)} MB, grown by ${Math.round(grown / 1e6)} MB; STREAM_SLOW ${await closings('STREAM_SLOW')}, ` +
      `MESSAGES_TOO_MANY ${await closings('MESSAGES_TOO_MANY')}, hello refused ${storms.refused()}, stalled ${await abuse('connection_stalled')}`,
  );
  assert.ok(grown < flatBytes, `${grown} bytes`);
  assert.deepEqual([good.filter((listener) => listener.lost() > 0).length, storms.wrong()], [0, []]);

  hostile = false;
  await storms.stop();
  for (const { socket } of sockets.values()) socket.resume();
  await until('all have recovered all', () => opened.every((listener) => listener.isAtEnd(publishers.published)), patienceMs).catch(() => {});
  assert.deepEqual(opened.flatMap((listener) => listener.problems(publishers.published)).slice(0, 20), []);
  assert.equal(
    opened.reduce((sum, listener) => sum + listener.lost(), 0),
    0,
    'all was recovered',
  );
});

/** Streams of one user, one after the other: subscribe storms, hello with 10,000 subscriptions, forged positions. */
function openStorms({ port }: Replica, ca: string, token: string) {
  const wrong: string[] = [];
  let refused = 0;
  let going = true;
  const bytesOf = (message: LiveRequest['message']) => LiveRequest.encode({ message }).finish();
  const subscription = (topic: string, position?: Subscribe['position']): Subscribe => ({ topic, generation: 1, position, presence: false });
  const kinds: readonly (readonly Subscribe[])[] = [
    [],
    Array.from({ length: 10_000 }, (_, i) => subscription(`chaos:many-${i}`)),
    Array.from({ length: 100 }, (_, i) => subscription(`chaos:forged-${i}`, { epoch: 'forged', offset: 2n ** 64n - 1n, eventId: 'x' })),
  ];
  const hellos = kinds.map((subscriptions) =>
    bytesOf({ $case: 'hello', value: { subscriptions: [...subscriptions], watches: [], heartbeatMs: 0, device: 'storm' } }),
  );
  const stream = (kind: number, n: number) =>
    new Promise<void>((ended) => {
      let closed = false;
      const client = openH2Client({
        port,
        ca,
        path: '/portico.v1.LiveService/Connect',
        token,
        first: hellos[kind] as Uint8Array,
        onMessage: (bytes) => {
          const { message } = LiveResponse.decode(bytes);
          if (message?.$case === 'closed') closed = true;
          if (message?.$case === 'subscribed' && message.value.recovered) wrong.push(`${message.value.topic} was recovered from nowhere`);
          if (message?.$case === 'welcome' && kind === 0)
            for (let i = 0; i < 300; i++) client.send(bytesOf({ $case: 'subscribe', value: subscription(`chaos:storm-${n}-${i}`) }));
          if (closed || (kind === 2 && message?.$case === 'subscribed')) {
            client.close();
            ended();
          }
        },
        onEnd: () => {
          if (!closed) refused++;
          ended();
        },
      });
    });
  const running = (async () => {
    for (let n = 0; going; n++) {
      await stream(n % kinds.length, n);
      await sleep(200);
    }
  })();
  return {
    wrong: () => wrong,
    /** Streams that ended with a status. */
    refused: () => refused,
    stop: async () => {
      going = false;
      await running;
    },
  };
}
