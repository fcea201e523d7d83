// What nobody needs is collected: rows, their blobs, blobs of no row, and rows whose blobs are lost.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, renameSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { sql } from 'kysely';
import { folderBlobs } from '../../src/core/adapters/blobs/folder-blobs.ts';
import { openDatabaseAccess } from '../../src/core/adapters/sql/database-access.ts';
import { sqlAttachments } from '../../src/core/adapters/sql/media/attachments.ts';
import { openSql, type Sql } from '../../src/core/adapters/sql/postgres-or-pglite.ts';
import { attachmentData } from '../../src/core/adapters/sql/user-data/attachment-data.ts';
import { sqlErasures } from '../../src/core/adapters/sql/user-data/erasures.ts';
import type { Erasure } from '../../src/core/ports/user-data.ts';
import { collect } from '../../src/core/services/media/collect-garbage.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { quietLog } from '../support/log.ts';
import { until } from '../support/time/until.ts';
import { jpeg, type MediaServer, openMediaServer } from './media-calls.ts';

const hourMs = 3_600_000;
const unneeded = { unfinishedMs: hourMs, unusedMs: hourMs, lostMs: 24 * hourMs };
let server: MediaServer;
let database: Sql;
before(async () => {
  server = await openMediaServer();
  database = await openSql({ url: server.databaseUrl }, quietLog);
});
after(async () => {
  await database?.close();
  await server?.close();
});

function collector() {
  const { use } = openDatabaseAccess(database.db);
  const parts = { attachments: sqlAttachments(use), blobs: folderBlobs(join(server.dataDir, 'media')), unneeded, clock: systemClock };
  const collectOnce = (holder: string = randomUUID()) => collect({ ...parts, holder });
  /** Waits where the server itself collects, as it does once a minute. */
  const run = async () => {
    let collected: Awaited<ReturnType<typeof collect>>;
    await until('no other replica collects', async () => {
      collected = await collectOnce();
      return collected !== undefined;
    });
    return collected;
  };
  return { ...parts, collectOnce, run };
}

const filesOf = (id: string) => {
  const folder = join(server.dataDir, 'media', id.slice(0, 2), id);
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
};
const age = (id: string, what: 'stored_at' | 'lost_at', ms: number) =>
  sql`UPDATE chat_attachments SET ${sql.ref(what)} = clock_timestamp() - ${ms} * interval '1 ms' WHERE id = ${id}`.execute(database.db);

test('unfinished and unused uploads go after their time, with their blobs; the others stay', async () => {
  const { media } = server;
  const conversationId = await server.group('ann', 'bob');
  const [old, young] = [
    await media.upload('ann', { conversationId, content: jpeg(1_000), stopAt: 500 }),
    await media.upload('ann', { conversationId, content: jpeg(1_000), stopAt: 500 }),
  ];
  const [unused, used] = [await media.attach('ann', conversationId), await media.attach('ann', conversationId)];
  await media.send('ann', conversationId, [used]);
  for (const id of [old.id, unused, used]) await age(id, 'stored_at', 2 * hourMs);
  await collector().run();
  assert.deepEqual(
    [old.id, unused, young.id, used].map((id) => filesOf(id).length),
    [0, 0, 1, 1],
  );
  assert.equal((await media.try('ann', 'GetUpload', { attachmentId: old.id })).reason, 'ATTACHMENT_UNKNOWN');
  assert.equal((await media.download('bob', used)).reason, undefined);
});

test('a message that is deleted for all takes its attachments along', async () => {
  const { media } = server;
  const conversationId = await server.group('ann', 'bob');
  const id = await media.attach('ann', conversationId);
  const { came } = await media.send('ann', conversationId, [id]);
  const what = { case: 'delete', value: { targetSeq: came.posted.seq } };
  await server.call('ann', 'Post', { conversationId, entry: { clientId: randomUUID(), what } });
  await collector().run();
  assert.deepEqual(filesOf(id), []);
});

test('blobs of no part go once they are old, and never before', async () => {
  const { blobs, run } = collector();
  const [old, young] = [`${randomUUID()}/0-a`, `${randomUUID()}/0-a`];
  for (const name of [old, young]) {
    const writer = await blobs.create(name);
    await writer.write(Buffer.from('abc'));
    await writer.finish();
  }
  const then = new Date(Date.now() - 2 * hourMs);
  utimesSync(join(server.dataDir, 'media', old.slice(0, 2), old), then, then);
  await run();
  assert.deepEqual([filesOf(old.split('/')[0] ?? '').length, filesOf(young.split('/')[0] ?? '').length], [0, 1]);
});

test('content that is lost is answered so, and again when it is back; after a time its row goes', async () => {
  const { media } = server;
  const conversationId = await server.group('ann', 'bob');
  const id = await media.attach('ann', conversationId);
  await media.send('ann', conversationId, [id]);
  await age(id, 'stored_at', hourMs / 2);
  const folder = join(server.dataDir, 'media', id.slice(0, 2), id);
  renameSync(folder, join(server.dataDir, 'aside'));
  assert.equal((await collector().run())?.lost, 1);
  assert.equal((await media.download('bob', id)).reason, 'ATTACHMENT_LOST');
  renameSync(join(server.dataDir, 'aside'), folder);
  await collector().run();
  assert.equal((await media.download('bob', id)).reason, undefined);
  renameSync(folder, join(server.dataDir, 'aside'));
  await collector().run();
  await age(id, 'lost_at', 48 * hourMs);
  await collector().run();
  assert.equal((await media.download('bob', id)).reason, 'ATTACHMENT_UNKNOWN');
});

test('one replica at a time collects', async () => {
  const { attachments, collectOnce, run } = collector();
  const holder = randomUUID();
  await until('the server does not collect', async () => (await attachments.hold('media.collect', holder, 60_000)) === '');
  assert.equal(await collectOnce(), undefined);
  assert.notEqual(await collectOnce(holder), undefined);
  assert.notEqual(await run(), undefined, 'it was given back');
});

test('the blobs of attachments that an erasure has deleted are deleted', async () => {
  const { media } = server;
  const user = `user-${randomUUID()}`;
  const conversationId = await server.group(user, 'bob');
  const ids = [await media.attach(user, conversationId), await media.attach(user, conversationId), await media.attach(user, conversationId)];
  await media.send(user, conversationId, [ids[0] ?? '']);
  const { use } = openDatabaseAccess(database.db);
  const erasures = sqlErasures(use);
  const erasure = await erasures.read(await erasures.accept(user, randomUUID()));
  await attachmentData(use).erase(erasure as Erasure);
  await collector().run();
  assert.deepEqual(ids.flatMap(filesOf), []);
  assert.equal((await media.download('bob', ids[0] ?? '')).reason, 'ATTACHMENT_UNKNOWN');
});
