// A check of chat in the manner of Jepsen: clients that send, come and go, replicas that are killed, a Redis and a
// PostgreSQL that break connections; then everything is healed, and what is stored is held against what each client saw.
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { signIn } from '../../support/client/protocols.ts';
import { createMigratedDatabase } from '../../support/postgres/postgres.ts';
import { ownPrefix, startRedisServer } from '../../support/redis/redis.ts';
import { chatCalls, chatRegistry, kinds, roles } from '../../support/server/chat-server.ts';
import { type Running, startProcess } from '../../support/server/process.ts';
import type { TestServer } from '../../support/server/test-server.ts';
import { seeded } from '../../support/time/seeded.ts';
import { until } from '../../support/time/until.ts';
import { type CheckClient, startClient } from './client.ts';
import { findBroken } from './find-broken.ts';
import { type History, historyOf } from './history.ts';

export type CheckOptions = { readonly seed: number; readonly clients: number; readonly replicas: number; readonly seconds: number };
export type CheckResult = { readonly did: Readonly<Record<string, number>>; readonly broken: readonly string[] };

const replicaFile = join(import.meta.dirname, 'replica.ts');
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const healMs = 60_000;

export async function runCheck({ seed, clients: clientsCount, replicas: replicasCount, seconds }: CheckOptions): Promise<CheckResult> {
  await using stack = new AsyncDisposableStack();
  const random = seeded(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
  const did: Record<string, number> = {};
  const count = (what: string, n = 1) => {
    did[what] = (did[what] ?? 0) + n;
  };

  const database = await createMigratedDatabase();
  stack.defer(database.drop);
  const redis = await startRedisServer({ config: ['maxmemory-policy noeviction'] });
  stack.defer(redis.stop);
  const dataDir = mkdtempSync(join(tmpdir(), 'portico-check-'));
  stack.defer(() => rmSync(dataDir, { recursive: true, force: true }));
  const prefix = ownPrefix();
  const admin = new Client({ connectionString: database.url });
  await admin.connect();
  stack.defer(() => admin.end());

  const died: string[] = [];
  const replicas: { process: Running; url: string; readonly clockMs: number }[] = [];
  const start = async (clockMs: number) => {
    const env = { ...process.env };
    delete env.NODE_TEST_CONTEXT; // it is no part of a test run
    const shared = { databaseUrl: database.url, dataDir, redis: { mode: 'single', nodes: [redis.address], prefix }, clockMs };
    const started = startProcess(process.execPath, [replicaFile, JSON.stringify(shared)], { cwd: dataDir, env });
    void started.ended.then(({ code, stderr }) => code !== null && died.push(`a replica ended by itself with ${code}: ${stderr.slice(0, 1_000)}`));
    const [, url = ''] = await started.until(/ready (\S+)/);
    return { process: started, url };
  };
  stack.defer(async () => {
    for (const replica of replicas) replica.process.signal('SIGKILL');
    await Promise.all(replicas.map((replica) => replica.process.ended));
  });
  for (let n = 0; n < replicasCount; n++) {
    const clockMs = n === replicasCount - 1 ? 600_000 : 0; // one clock is ten minutes off
    replicas.push({ ...(await start(clockMs)), clockMs });
  }
  const ca = readFileSync(join(dataDir, 'tls/ca.pem'), 'utf8');
  const server = () => ({ url: replicas[0]?.url ?? '', ca }) as TestServer;
  const calls = chatCalls(server());

  // two devices for each second user; conversations of all, of some, and one of which a member is removed
  const users = Array.from({ length: Math.ceil((clientsCount * 2) / 3) }, (_, n) => `u${n}`);
  const group = async (members: readonly string[]) => {
    const [first = '', ...others] = members;
    return (await calls.call(first, 'CreateConversation', { kind: kinds.group, userIds: others, clientId: randomUUID() })).conversation.id as string;
  };
  const [all, half, rest] = [await group([...users, 'removed']), await group(users.filter((_, n) => n % 2 === 0)), await group(users.slice(0, 3))];
  const members = new Map([
    [all, users],
    [half, users.filter((_, n) => n % 2 === 0)],
    [rest, users.slice(0, 3)],
  ]);
  const clients: CheckClient[] = [];
  const names = [...Array.from({ length: clientsCount }, (_, n) => users[n % users.length] ?? ''), 'removed', 'stranger'];
  for (const [n, user] of names.entries()) {
    const conversations = [...members].flatMap(([id, list]) => (list.includes(user) || user === 'removed' || user === 'stranger' ? [id] : []));
    const { headers } = await signIn(server(), chatRegistry, user);
    const own = seeded(seed * 1_000 + n);
    const url = () => pick(replicas).url;
    clients.push(startClient({ name: `${user}.${n}`, user, headers, conversations, random: own, url, ca, deaf: n === 1 }));
  }
  stack.defer(async () => void (await Promise.all(clients.map((client) => client.stop()))));

  const faults: Readonly<Record<string, () => Promise<void>>> = {
    'replica killed': async () => {
      const replica = pick(replicas.slice(1)); // the first answers the check's own calls
      replica.process.signal('SIGKILL');
      await replica.process.ended;
      await pause(random() * 500);
      Object.assign(replica, await start(replica.clockMs));
    },
    'Redis restarted': async () => {
      await redis.kill();
      await pause(random() * 800);
      await redis.restart();
    },
    'Redis hung': async () => {
      redis.hang();
      await pause(300 + random() * 700);
      redis.continue();
    },
    'connections to PostgreSQL cut': async () => {
      await admin.query('SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()');
    },
  };
  const endMs = performance.now() + seconds * 1_000;
  let removedAt = 0;
  while (performance.now() < endMs) {
    const fault = pick(Object.keys(faults));
    await faults[fault]?.();
    count(fault);
    await pause(200 + random() * 600);
    if (removedAt === 0 && performance.now() > endMs - seconds * 500) {
      const change = () => calls.try(users[0] ?? '', 'ChangeMembers', { conversationId: all, changes: [{ userId: 'removed', role: roles.none }] });
      await until('a member is removed', async () => (await change()).reason === undefined, healMs);
      removedAt = 1;
    }
  }

  for (const client of clients) client.calm();
  await until('everything that was sent is answered', () => clients.every((client) => client.unanswered() === 0), healMs).catch(() => {});
  const histories = new Map<string, History>();
  for (const [id, [first = '']] of members) histories.set(id, await historyOf(calls, first, id));
  const isWhole = (client: CheckClient) =>
    [...histories].every(
      ([id, history]) => !members.get(id)?.includes(client.user) || client.name.endsWith('.1') || client.events.get(id)?.has(history.length),
    );
  await until('every client has the end of each of its conversations', () => clients.every(isWhole), healMs).catch(() => {});
  await Promise.all(clients.map((client) => client.stop()));
  count(
    'messages acknowledged',
    clients.reduce((sum, { acknowledged }) => sum + acknowledged.size, 0),
  );
  count(
    'events received',
    clients.reduce((sum, { events }) => sum + [...events.values()].reduce((each, { size }) => each + size, 0), 0),
  );
  const unanswered = clients.flatMap((client) => (client.unanswered() === 0 ? [] : [`${client.name}: ${client.unanswered()} were never answered`]));
  return { did, broken: [...unanswered, ...died, ...(await findBroken({ clients, histories, members, calls }))] };
}
