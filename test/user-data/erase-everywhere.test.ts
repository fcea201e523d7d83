// A user of every service of a server on real engines, and a search of the whole database, Redis and data folder for
// the user's marks: what is found before the export has, and what is left afterwards docs/operating/privacy.md names.
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { folderBlobs } from '../../src/core/adapters/blobs/folder-blobs.ts';
import { openDatabaseAccess } from '../../src/core/adapters/sql/database-access.ts';
import { sqlAttachments } from '../../src/core/adapters/sql/media/attachments.ts';
import { openSql, type Sql } from '../../src/core/adapters/sql/postgres-or-pglite.ts';
import { collect } from '../../src/core/services/media/collect-garbage.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { jpeg, type MediaServer, mediaCalls } from '../media/media-calls.ts';
import { callOf, keptTransports } from '../support/client/protocols.ts';
import { quietLog } from '../support/log.ts';
import { type RedisPlace, sharedRedis } from '../support/redis/redis.ts';
import { chatRegistry, openChatServer } from '../support/server/chat-server.ts';
import { liveCalls, namespaces } from '../support/server/live-server.ts';
import { until } from '../support/time/until.ts';
import { openMarks } from '../support/user-data/life-in-sql.ts';
import { marksInDatabase } from '../support/user-data/search-database.ts';
import { marksInFolder } from '../support/user-data/search-folder.ts';
import { marksInRedis } from '../support/user-data/search-redis.ts';

const transports = keptTransports();
let server: MediaServer;
let redis: RedisPlace;
let database: Sql;
before(async () => {
  redis = await sharedRedis();
  const settings = {
    'live.namespaces': { ...namespaces, user: { listen: 'owner', presence: {}, conflate: true } }, // other logs keep no keys
    'privacy.services': ['privacy'],
    'privacy.secondPassAfter': '0s',
    'push.after': '10m',
  };
  const chat = await openChatServer({ redis, settings });
  server = { ...chat, media: mediaCalls(chat) };
  database = await openSql({ url: server.databaseUrl }, quietLog);
});
after(async () => {
  await database?.close();
  await server?.close();
});

// biome-ignore lint/suspicious/noExplicitAny: answers of protobuf-es, which the tests look into
async function asService(method: string, request: Record<string, unknown>): Promise<readonly any[]> {
  const headers = { authorization: `Bearer ${await server.portico.serviceToken('privacy', 60_000)}` };
  const inner = transports('grpc h2', { url: server.internalUrl, ca: server.ca });
  const { messages, reason } = await callOf(chatRegistry, inner, `portico.internal.v1.PublisherService/${method}`, request, { headers });
  assert.equal(reason, undefined);
  return messages;
}

/** A user with a mark in every text that a client or a service gives. */
async function live() {
  const marks = openMarks();
  const userId = marks.make('user');
  const token = randomBytes(32).toString('hex');
  const content = Buffer.concat([jpeg(500), Buffer.from(marks.make('content'))]);
  const conversationId = await server.group(userId, 'ann');
  await server.post(userId, conversationId, marks.make('text'), marks.make('client'));
  await server.media.send(userId, conversationId, [await server.media.attach(userId, conversationId, content, marks.make('file'))]);
  await server.call(userId, 'SafetyService/BlockUser', { userId: 'bob' });
  await server.call(userId, 'DeviceService/RegisterPushToken', { token: { case: 'apns', value: { token } }, device: marks.make('device') });
  await asService('Notify', { userId, requestId: marks.make('notice'), title: marks.make('title') });
  const payload = Buffer.from(marks.make('event'));
  await asService('Publish', { events: [{ topic: `user:${userId}`, requestId: marks.make('request'), payload, key: marks.make('key') }] });
  server.fixture.titles.set('i', marks.make('cached'));
  const headers = await server.headersOf(userId);
  for (const itemId of ['i', marks.make('item')])
    await callOf(chatRegistry, transports('grpc h2', server), 'fixture.v1.ScreenService/GetItem', { itemId }, { headers });
  const topics = [`user:${userId}`, 'hall:everyone'].map((topic) => ({ topic, generation: 1, presence: true }));
  const stream = await liveCalls(server).live(userId, { subscriptions: topics }, { headers });
  await stream.wait('presenceState', 2);
  return { userId, marks: [...marks.all, token], content: marks.all[1] ?? '', stream };
}

async function found(marks: readonly string[]): Promise<readonly string[]> {
  return [...(await marksInDatabase(database.db, marks)), ...(await marksInRedis(redis, marks)), ...marksInFolder(server.dataDir, marks)];
}

test('an export has what a search of all stores finds, and an erasure leaves what the docs name', async () => {
  const { userId, marks, content, stream } = await live();
  const before = await found(marks);
  const stored = marks.filter((mark) => before.some((line) => line.includes(mark)));
  assert.deepEqual(
    marks.filter((mark) => !stored.includes(mark) && !mark.startsWith('request')),
    [],
    'each mark is stored somewhere',
  );

  const exported = (await asService('ExportUser', { userId })).map(({ part, kind, json }) => `${part} ${kind} ${json}`).join('\n');
  const plain = exported.replaceAll(/"([A-Za-z0-9+/]{8,}={0,2})"/g, (text, base64) => `${text} ${Buffer.from(base64, 'base64')}`);
  assert.deepEqual(
    stored.filter((mark) => !plain.includes(mark) && mark !== content && !mark.startsWith('request')),
    [],
  );

  const requestId = randomUUID();
  const [first] = await asService('EraseUser', { userId, requestId });
  assert.notEqual(first.firstPassAt, undefined);
  await until('the stream ends', () => stream.ended() !== undefined);
  const { use } = openDatabaseAccess(database.db);
  const media = { attachments: sqlAttachments(use), blobs: folderBlobs(join(server.dataDir, 'media')), clock: systemClock };
  await collect({ ...media, holder: randomUUID(), unneeded: { unfinishedMs: 3_600_000, unusedMs: 3_600_000, lostMs: 3_600_000 } });
  // repeats of a publish for five minutes, presence for ten, and tags that do not name the user as long as answers with them
  const isNamed = (line: string) => /\{\w+\}(r:|[a-z]:[^ ]+~presence )/.test(line) || (/\{\w+\}v:/.test(line) && !line.includes(userId));
  const left = async () => (await found(marks)).filter((line) => !isNamed(line));
  let rest: readonly string[] = [];
  const isGone = async () => {
    rest = (await left()).filter((line) => !line.startsWith('erasures: ')); // which knows its user until it is done
    return rest.length === 0;
  };
  await until('the rest is gone', isGone).catch(() => assert.deepEqual(rest, []));
  const counts = Object.fromEntries(
    first.erased
      .filter(({ pass }: { pass: number }) => pass === 1)
      .map(({ part, kind, count }: { part: string; kind: string; count: bigint }) => [`${part}.${kind}`, Number(count)]),
  );
  assert.deepEqual([counts['topics.events'], counts['cache.answers'], counts['cache.tags']], [1, 2, 1]);
});
