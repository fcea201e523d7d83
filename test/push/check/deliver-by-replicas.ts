// The same with whole replicas that are killed: clients of src/client send and confirm by streams, to any of them.
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Kysely, sql } from 'kysely';
import { textContent } from '../../../src/client/chat/text-content.ts';
import { type Client, openClient } from '../../../src/client/client.ts';
import { nodeTransport } from '../../../src/client/node-transport.ts';
import { memoryTokenStore } from '../../../src/client/session.ts';
import type { Database } from '../../../src/core/adapters/sql/database-tables.ts';
import { openSql } from '../../../src/core/adapters/sql/postgres-or-pglite.ts';
import { ChatServiceDefinition, ConversationKind } from '../../../src/gen/portico/v1/chat.ts';
import { systemClock } from '../../../src/wire/system-clock.ts';
import { openRoughNetwork } from '../../support/link/rough-network.ts';
import { quietLog } from '../../support/log.ts';
import { createMigratedDatabase } from '../../support/postgres/postgres.ts';
import { ownPrefix, startRedisServer } from '../../support/redis/redis.ts';
import { until } from '../../support/time/until.ts';
import type { Load } from './deliver-all.ts';
import { type Delivered, deliveredOf, keyOf, type Pair } from './delivered.ts';
import { startWorkers } from './killed-workers.ts';

/** The sender waits while so many wait: a device has no more than a hundred. */
const waitingMost = 2_000;
const lanes = 8;
/** One that leased pushes and was killed leaves them for a minute. */
const longMs = 300_000;

type User = { readonly name: string; readonly client: Client };

export async function deliverByReplicas(
  { messages, users: count, workers: replicasCount, killEveryMs }: Load,
  chance = Math.random,
): Promise<Delivered> {
  await using opened = new AsyncDisposableStack();
  const database = await createMigratedDatabase();
  opened.defer(database.drop);
  const { db, close } = await openSql({ url: database.url }, quietLog);
  opened.defer(close);
  const dataDir = mkdtempSync(join(tmpdir(), 'portico-pushing-'));
  opened.defer(() => rmSync(dataDir, { recursive: true, force: true }));
  const redis = await startRedisServer({ config: ['maxmemory-policy noeviction'] });
  opened.defer(() => redis.stop());
  const place = { mode: 'single', nodes: [redis.address], prefix: ownPrefix() } as const;
  const orders = { databaseUrl: database.url, dataDir, redis: place };
  const replicas = opened.use(await startWorkers(replicasCount, { file: 'replica-process.ts', orders }, chance));
  const network = opened.use(await openRoughNetwork(replicas.ports(), chance));
  const ca = readFileSync(join(dataDir, 'tls/ca.pem'));

  const signIn = async (user: string, n: number): Promise<Client> => {
    const client = openClient({
      transport: nodeTransport({ address: `localhost:${network.port}`, ca }),
      tokens: memoryTokenStore(),
      clock: systemClock,
      random: chance,
      onChatNotice: (notice) => {
        if (notice.kind !== 'events' || chance() >= 0.15) return;
        const seq = notice.events.at(-1)?.seq ?? 0n;
        client.chat.dispatch({ type: 'read', conversationId: notice.conversationId, seq });
      },
    });
    opened.defer(() => client.close());
    const device = { platform: 'ios', name: 'check', installationId: '' };
    await insist(() => client.session.signIn({ identity: { $case: 'dev', value: { user, scopes: [] } }, device }));
    const token = randomUUID().replaceAll('-', '').repeat(2);
    const registration =
      n % 2 === 0 ? ({ $case: 'apns', value: { token, topic: '', sandbox: false } } as const) : ({ $case: 'fcm', value: { token } } as const);
    await insist(() => client.push.register({ token: registration }));
    return client;
  };
  const users: User[] = [];
  for (let n = 0; n < count; n++) {
    const name = `user-${n}-${randomUUID()}`;
    (await signIn(name, n)).close(); // the device that is away
    const client = await signIn(name, n);
    client.chat.dispatch({ type: 'start' });
    users.push({ name, client });
  }
  const groups: { readonly id: string; readonly members: readonly User[] }[] = [];
  for (let n = 0; n < count; n++) {
    const members = [n, n + 1, n + 2].map((at) => users[at % count] as User);
    const [{ client }, ...others] = members as [User, ...User[]];
    const request = {
      kind: ConversationKind.CONVERSATION_KIND_GROUP,
      userIds: others.map(({ name }) => name),
      title: '',
      subject: '',
      clientId: randomUUID(),
    };
    const { conversation } = await insist(() => client.calls.call(ChatServiceDefinition, 'createConversation', request));
    groups.push({ id: conversation?.id ?? '', members });
  }
  const { rows: tokens } = await sql<{
    session_id: string;
    user_id: string;
    token: string;
  }>`SELECT session_id, user_id, token FROM push_tokens`.execute(db);

  const pairs: Pair[] = [];
  let left = messages;
  const lane = async () => {
    while (left-- > 0) {
      const { id, members } = groups[Math.floor(chance() * groups.length)] as (typeof groups)[number];
      const from = members[Math.floor(chance() * members.length)] as User;
      const what = { $case: 'message', value: { content: textContent('hi'), replyToSeq: 0n } } as const;
      const request = { conversationId: id, entry: { clientId: randomUUID(), what } };
      const { posted } = await insist(() => from.client.calls.call(ChatServiceDefinition, 'post', request));
      const names = new Set(members.filter((member) => member !== from).map(({ name }) => name));
      for (const { session_id: sessionId, user_id: userId, token } of tokens)
        if (names.has(userId)) pairs.push({ key: keyOf(token, id, posted?.seq ?? 0n), device: { sessionId, userId }, id, seq: Number(posted?.seq) });
      while ((await undone(db)) > waitingMost) await sleep(50);
    }
  };
  const spared = new Set<string>();
  const ended = new AbortController();
  const watching = (async () => {
    for (; !ended.signal.aborted; await sleep(200)) for (const key of await confirmedBefore(db)) spared.add(key);
  })();
  let kills = 0;
  const sending = Promise.all(Array.from({ length: lanes }, lane)).then(() => true);
  while (!(await Promise.race([sending, sleep(killEveryMs * (0.3 + 1.4 * chance()), false)]))) {
    await replicas.killOne();
    network.leadTo(replicas.ports());
    kills++;
  }
  await until('all is sent', async () => (await undone(db)) === 0, longMs);
  ended.abort();
  await watching;
  return deliveredOf(db, { messages, devices: tokens.length, kills, pairs, spared, workers: replicas.all });
}

async function undone(db: Kysely<Database>): Promise<number> {
  const { rows } = await sql<{ n: bigint }>`SELECT (SELECT count(*) FROM chat_outbox) + (SELECT count(*) FROM push_queue) AS n`.execute(db);
  return Number(rows[0]?.n);
}

/** Messages that no worker has taken so far, and that a device has confirmed, or its user has read: it is not pushed them. */
async function confirmedBefore(db: Kysely<Database>): Promise<readonly string[]> {
  const { rows } = await sql<{ token: string; id: string; seq: bigint }>`
    SELECT t.token, o.conversation_id AS id, o.seq FROM chat_outbox o
    JOIN chat_members m ON m.conversation_id = o.conversation_id JOIN push_tokens t ON t.user_id = m.user_id
    WHERE m.read_seq >= o.seq OR EXISTS (SELECT FROM chat_devices d
      WHERE d.conversation_id = o.conversation_id AND d.user_id = m.user_id AND d.device = t.session_id::text AND d.delivered_seq >= o.seq)`.execute(
    db,
  );
  return rows.map(({ token, id, seq }) => keyOf(token, id, seq));
}

/** Until it succeeds: whatever is killed meanwhile. */
async function insist<T>(call: () => Promise<T>): Promise<T> {
  for (let failures = 1; ; failures++) {
    try {
      return await call();
    } catch (error) {
      if (failures > 60) throw error;
      await sleep(200);
    }
  }
}
