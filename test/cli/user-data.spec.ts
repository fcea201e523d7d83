// `portico export` and `portico erase` as processes, beside servers that run. `npm run test:thorough`
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, test } from 'node:test';
import { openSql, type Sql } from '../../src/core/adapters/sql/postgres-or-pglite.ts';
import { callOf, keptTransports } from '../support/client/protocols.ts';
import { quietLog } from '../support/log.ts';
import { type RedisPlace, sharedRedis } from '../support/redis/redis.ts';
import { type ChatServer, chatRegistry, openChatServer } from '../support/server/chat-server.ts';
import { startProcess } from '../support/server/process.ts';
import { until } from '../support/time/until.ts';
import { marksInDatabase } from '../support/user-data/search-database.ts';
import { marksInRedis } from '../support/user-data/search-redis.ts';
import { run, stopAll } from './portico.ts';

const root = resolve(import.meta.dirname, '../..');
const transports = keptTransports();
const cwd = mkdtempSync(join(tmpdir(), 'portico-erase-'));
let server: ChatServer;
let redis: RedisPlace;
let database: Sql;
before(async () => {
  redis = await sharedRedis();
  server = await openChatServer({ redis, settings: { 'privacy.secondPassAfter': '1s' } });
  database = await openSql({ url: server.databaseUrl }, quietLog);
});
after(async () => {
  await stopAll();
  await database?.close();
  await server?.close();
  rmSync(cwd, { recursive: true, force: true });
});

const environment = () => ({
  DATABASE_URL: server.databaseUrl,
  PORTICO_REDIS__NODES: JSON.stringify(redis.nodes),
  PORTICO_REDIS__MODE: redis.mode,
  PORTICO_REDIS__PREFIX: redis.prefix,
  PORTICO_REDIS__USERNAME: redis.username ?? '',
  PORTICO_REDIS__PASSWORD: redis.password ?? '',
  PORTICO_PRIVACY__SECOND_PASS_AFTER: '1s',
});
const left = async (userId: string) => [...(await marksInDatabase(database.db, [userId])), ...(await marksInRedis(redis, [userId]))];

async function live(): Promise<{ readonly userId: string; readonly text: string }> {
  const [userId, text] = [`user-${randomUUID()}`, `text-${randomUUID()}`];
  await server.post(userId, await server.group(userId, 'ann'), text);
  const headers = await server.headersOf(userId);
  const { reason } = await callOf(chatRegistry, transports('grpc h2', server), 'fixture.v1.ScreenService/GetItem', { itemId: 'i' }, { headers });
  assert.equal(reason, undefined);
  return { userId, text };
}

test('a user is exported, then erased in all stores, and a repeat prints the same', async () => {
  const { userId, text } = await live();
  const exported = await run(['export', '--user', userId], { cwd, env: environment() });
  assert.equal(exported.code, 0, exported.stderr);
  const records = exported.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.ok(records.some(({ part, kind, data }) => part === 'chat' && kind === 'message' && data.text === text));
  assert.ok(records.some(({ part, kind }) => part === 'cache' && kind === 'answer'));

  const requestId = randomUUID();
  const erase = () => run(['erase', '--user', userId, '--request-id', requestId], { cwd, env: environment() });
  const erased = await erase();
  assert.equal(erased.code, 0, erased.stderr);
  const report = JSON.parse(erased.stdout);
  assert.deepEqual([report.requestId, report.erased.cache, report.erasedInSecondPass.cache.answers], [requestId, { answers: 1, tags: 1 }, 0]);
  assert.deepEqual(await left(userId), []);
  assert.deepEqual((await erase()).stdout, erased.stdout);
  assert.equal((await run(['export', '--user', userId], { cwd, env: environment() })).stdout, '');
  assert.equal((await server.try(userId, 'ListConversations', {})).reason, 'SESSION_REVOKED');
});

test('an erasure whose process is killed goes on at a server', async () => {
  const { userId } = await live();
  const env = { ...process.env, ...environment(), PORTICO_PRIVACY__SECOND_PASS_AFTER: '1h' };
  const killed = startProcess(process.execPath, [join(root, 'src/main.ts'), 'erase', '--user', userId], { cwd, env }); // no launcher between
  await killed.until(/a second pass for calls/);
  killed.signal('SIGKILL');
  await killed.ended;
  assert.notDeepEqual(await left(userId), []);
  await until('the server has finished it', async () => (await left(userId)).length === 0, 240_000);
});

test('a user who cannot be one, and a request id that is none, are refused', async () => {
  for (const args of [
    ['export', '--user', ''],
    ['erase', '--user', 'a\n'],
    ['erase', '--user', 'alice', '--request-id', 'short'],
  ])
    assert.equal((await run(args, { cwd, env: environment() })).code, 64);
});
