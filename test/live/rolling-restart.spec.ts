// A rolling restart as Kubernetes does it, on processes: each replica is no longer led to, gets SIGTERM after the
// preStop sleep, and is replaced when it has ended, twice around. Live streams, chats and calls go on meanwhile.
// `npm run test:rolling`; ROLLING_CLIENTS=60 for a short run.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { CallError } from '../../src/client/call-error.ts';
import { textContent } from '../../src/client/chat/text-content.ts';
import { openClient } from '../../src/client/client.ts';
import { nodeTransport } from '../../src/client/node-transport.ts';
import { memoryTokenStore } from '../../src/client/session.ts';
import { ChatServiceDefinition, ConversationKind } from '../../src/gen/portico/v1/chat.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { openRoughNetwork } from '../support/link/rough-network.ts';
import { ownPrefix, startRedisServer } from '../support/redis/redis.ts';
import { seeded } from '../support/time/seeded.ts';
import { until } from '../support/time/until.ts';
import { openListener } from './crowd/listener.ts';
import { openPublishers } from './crowd/publishers.ts';
import { openReplicas, type Replica } from './crowd/replicas.ts';

const listenersCount = Number(process.env.ROLLING_CLIENTS ?? 300);
const pairsCount = Math.ceil(listenersCount / 10);
const callers = 4;
const spreadMs = 3_000;
/** As the chart's `preStop` sleep: connections that were led here just before have come in by then. */
const preStopMs = 2_000;
const patienceMs = 60_000 + 200 * listenersCount;
const topics = Array.from({ length: 10 }, (_, i) => `rolling:${i}`);
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

type Balancer = {
  /** A pod that is being deleted: it is led to no more, whatever its readiness. */
  leave(replica: Replica): void;
  join(replica: Replica): void;
  close(): void;
};

/** Leads to the replicas that are ready, asked ten times a second. */
function leadToReady(replicas: readonly Replica[], leadTo: (ports: readonly number[]) => void): Balancer {
  const leaving = new Set<Replica>();
  let ready = replicas.map(() => true);
  let stopped = false;
  const lead = () => {
    const ports = replicas.flatMap((replica, i) => (ready[i] && !leaving.has(replica) ? [replica.port] : []));
    if (ports.length > 0) leadTo(ports);
  };
  const ask = async () => {
    while (!stopped) {
      ready = await Promise.all(
        replicas.map(({ adminUrl }) =>
          fetch(`${adminUrl}/readyz`, { signal: AbortSignal.timeout(1_000) }).then(
            ({ ok }) => ok,
            () => false,
          ),
        ),
      );
      lead();
      await pause(100);
    }
  };
  void ask();
  return {
    leave: (replica) => {
      leaving.add(replica);
      lead();
    },
    join: (replica) => void leaving.delete(replica),
    close: () => {
      stopped = true;
    },
  };
}

type Chatter = ReturnType<typeof openChatter>;
/** A user of one conversation: what it has sent, and what it has got. */
function openChatter(user: string, token: string, { port, ca }: { readonly port: number; readonly ca: string }) {
  const tokens = memoryTokenStore();
  const events = new Map<bigint, string>();
  const refused: string[] = [];
  const stored: string[] = [];
  const client = openClient({
    transport: nodeTransport({ address: `localhost:${port}`, ca: Buffer.from(ca) }),
    tokens,
    clock: systemClock,
    random: Math.random,
    onChatNotice: (notice) => {
      if (notice.kind === 'posted') (notice.reason === '' ? stored : refused).push(notice.reason === '' ? notice.clientId : notice.reason);
      if (notice.kind === 'refused') refused.push(notice.reason);
      if (notice.kind !== 'events') return;
      for (const { seq, clientId } of notice.events) events.set(seq, clientId);
    },
  });
  const ready = tokens.save({ accessToken: token, refreshToken: 'none', userId: user, expiresAtMs: Date.now() + 3_600_000 });
  return { user, client, ready, events, refused, stored, sent: [] as string[] };
}

async function chatsOf(pairs: number, at: { readonly port: number; readonly ca: string }, token: (user: string) => Promise<string>) {
  const all = [];
  for (let i = 0; i < pairs; i++) {
    const [one, other] = [`user-${i}a`, `user-${i}b`];
    const chatters = [openChatter(one, await token(one), at), openChatter(other, await token(other), at)] as const;
    for (const { ready } of chatters) await ready;
    const request = { kind: ConversationKind.CONVERSATION_KIND_DIRECT, userIds: [other], title: '', subject: '', clientId: randomUUID() };
    const { conversation } = await chatters[0].client.calls.call(ChatServiceDefinition, 'createConversation', request);
    for (const { client } of chatters) client.chat.dispatch({ type: 'start' });
    all.push({ id: conversation?.id ?? '', chatters });
  }
  return all;
}

function post({ client, sent, user }: Chatter, conversationId: string): void {
  const clientId = `${user}-${sent.length}`;
  sent.push(clientId);
  const what = { $case: 'message', value: { content: textContent(clientId), replyToSeq: 0n } } as const;
  client.chat.dispatch({ type: 'post', request: { conversationId, entry: { clientId, what } } });
}

/**
 * Five bins of a uniform spread, each within five standard deviations of its share: a right one fails once in a million
 * runs.
 */
function assertSpread(delays: readonly number[], fifths: readonly number[]): void {
  const mean = delays.length / 5;
  const most = 5 * Math.sqrt(delays.length * 0.2 * 0.8);
  for (const count of fifths) assert.ok(Math.abs(count - mean) <= most, `${fifths} of ${delays.length}: ${mean} ± ${most.toFixed(0)} in each`);
}

type Disturbed = {
  /** How often each client is told to go, at least. */
  readonly advised: number;
};

async function scenario(context: TestContext, disturb: (replicas: readonly Replica[], balancer: Balancer) => Promise<Disturbed>): Promise<void> {
  await using stack = new AsyncDisposableStack();
  const random = seeded(1);
  const redis = stack.use(await startRedisServer({ config: ['maxmemory-policy noeviction'] }));
  const place = { mode: 'single' as const, nodes: [redis.address], prefix: ownPrefix() };
  const settings = {
    namespaces: { rolling: { listen: 'users', history: 10_000 } },
    streamsPerUser: 100_000,
    beginsPerSecond: 10_000,
  };
  const replicas = stack.use(await openReplicas({ places: [place, place, place], settings, drainGrace: '5s', drainSpread: `${spreadMs}ms` }));
  const { all, ca, serviceToken, token } = replicas;
  const network = stack.use(
    await openRoughNetwork(
      all.map(({ port }) => port),
      random,
    ),
  );
  const balancer = leadToReady(all, network.leadTo);
  stack.defer(balancer.close);
  const publishers = openPublishers({ topics, ports: all.map(({ internalPort }) => internalPort), ca, serviceToken, random, eventsPerSecond: 50 });
  stack.defer(publishers.close);
  const crowd = await token('crowd');
  const delays: number[] = [];
  const listeners = Array.from({ length: listenersCount }, (_, i) =>
    openListener({
      name: `client ${i}`,
      port: network.port,
      ca,
      token: crowd,
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
  const chats = await chatsOf(pairsCount, { port: network.port, ca }, token);
  const chatters = chats.flatMap(({ chatters: two }) => two);
  stack.defer(() => {
    for (const { client } of chatters) client.close();
  });
  await until('all clients are live', () => listeners.every(({ live }) => live.state.phase === 'live'), patienceMs);

  let going = true;
  let calls = 0;
  const failed: string[] = [];
  const call = async ({ client }: Chatter) => {
    while (going) {
      await client.calls
        .call(ChatServiceDefinition, 'listConversations', { pageSize: 10, pageToken: '' })
        .catch((error: unknown) => failed.push(error instanceof CallError ? `${error.code} ${error.reason} ${error.message}` : String(error)));
      calls++;
      await pause(50);
    }
  };
  const say = async () => {
    while (going) {
      for (const { id, chatters: two } of chats) for (const chatter of two) post(chatter, id);
      await pause(500);
    }
  };
  const publish = async () => {
    while (going) await publishers.publish(50);
  };
  const load = Promise.all([...chatters.slice(0, callers).map(call), say(), publish()]);
  const { advised } = await disturb(all, balancer);
  going = false;
  await load;

  await until('all clients have all events', () => listeners.every((listener) => listener.isAtEnd(publishers.published)), patienceMs);
  await until(
    'all messages are answered',
    () => chatters.every(({ sent, stored, refused }) => stored.length + refused.length >= sent.length),
    patienceMs,
  );
  const messages = chats.map(({ chatters: [one, other] }) => one.sent.length + other.sent.length);
  await until(
    'all chats have all messages',
    () => chats.every(({ chatters: two }, i) => two.every(({ events }) => [...events.values()].filter(Boolean).length >= (messages[i] ?? 0))),
    patienceMs,
  );
  assert.deepEqual(failed, [], 'no call failed');
  assert.deepEqual(listeners.flatMap((listener) => listener.problems(publishers.published)).slice(0, 20), []);
  assert.equal(
    listeners.reduce((sum, { lost }) => sum + lost(), 0),
    0,
    'no event may be missing',
  );
  for (const [i, { chatters: two }] of chats.entries()) {
    const sent = two.flatMap((chatter) => chatter.sent).sort();
    for (const { user, events, refused } of two) {
      assert.deepEqual(refused, [], user);
      assert.deepEqual([...events.values()].filter(Boolean).sort(), sent, `${user}: each message once`);
      assert.deepEqual(
        [...events.keys()].sort((a, b) => Number(a - b)),
        Array.from({ length: (messages[i] ?? 0) + 1 }, (_, n) => BigInt(n + 1)),
        user,
      );
    }
  }
  const fifths = [0, 1, 2, 3, 4].map((fifth) => delays.filter((ms) => Math.floor((ms / spreadMs) * 5) === fifth).length);
  const events = [...publishers.published.values()].reduce((sum, { log }) => sum + log.length, 0);
  const posted = messages.reduce((sum, count) => sum + count, 0);
  context.diagnostic(
    `${calls} calls, ${events} events for ${listenersCount} clients, ${posted} messages; told to go, by fifths of ${spreadMs} ms: ${fifths}`,
  );
  assert.ok(
    delays.every((ms) => ms >= 0 && ms < spreadMs),
    'each delay is within drain.spread',
  );
  assert.ok(delays.length >= advised * listenersCount, `told to go ${delays.length} times, at least ${advised} for each of ${listenersCount}`);
  assertSpread(delays, fifths);
}

test('each of three replicas is terminated and replaced, twice around: nobody notices', { timeout: 10 * patienceMs }, (context) =>
  scenario(context, async (replicas, balancer) => {
    for (let round = 0; round < 2; round++)
      for (const replica of replicas) {
        balancer.leave(replica);
        await pause(preStopMs);
        await replica.terminate();
        await replica.start();
        balancer.join(replica);
        await pause(1_000);
      }
    return { advised: 2 }; // in each round every client is at a replica whose turn is to come
  }),
);

test('one of three replicas is killed and replaced: its clients go on at the others', { timeout: 10 * patienceMs }, (context) =>
  scenario(context, async ([replica]) => {
    await pause(2_000);
    await replica?.kill();
    await pause(3_000);
    await replica?.start();
    await pause(2_000);
    return { advised: 0 };
  }),
);
