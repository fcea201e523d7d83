// A sync token across a fail-over that lost commits: the new primary gives the lost transaction ids again.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Client } from 'pg';
import { migrate, readMigrations } from '../../src/core/adapters/sql/migrate.ts';
import { openSql } from '../../src/core/adapters/sql/postgres-or-pglite.ts';
import { openRoughNetwork } from '../support/link/rough-network.ts';
import { quietLog } from '../support/log.ts';
import { type PostgresServer, startPostgresServer } from '../support/postgres/postgres-server.ts';
import { type ChatServer, openChatServer, textEntry } from '../support/server/chat-server.ts';
import { until } from '../support/time/until.ts';

const root = join(import.meta.dirname, '../..');

async function query(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

async function migrated(url: string): Promise<void> {
  const sql = await openSql({ url }, quietLog);
  await migrate(sql.db, readMigrations(join(root, 'migrations')));
  await sql.close();
}

/** What a test has opened ends with it, the last one first. */
class Opened extends AsyncDisposableStack {
  async postgres(standbyOf?: PostgresServer): Promise<PostgresServer> {
    const server = await startPostgresServer({ standbyOf });
    this.defer(() => server.stop());
    return server;
  }

  /** A server on a database that is there already, with keys of its own. */
  async portico(databaseUrl: string): Promise<ChatServer> {
    const dataDir = mkdtempSync(join(tmpdir(), 'portico-fail-over-'));
    this.defer(async () => rmSync(dataDir, { recursive: true, force: true }));
    return this.use(await openChatServer({ shared: { databaseUrl, dataDir } }));
  }
}

test('a token of commits that a fail-over has lost starts all anew, once', async () => {
  await using opened = new Opened();
  const [ann, bob, cy] = ['ann', 'bob', 'cy'];
  const primary = await opened.postgres();
  await migrated(primary.url);
  const before = await opened.portico(primary.url);
  const conversationId = await before.group(ann, bob);
  const other = await before.group(ann, cy);
  await before.post(ann, conversationId, 'kept');
  const standby = await opened.postgres(primary);
  const [{ top } = {}] = await query(primary.url, 'SELECT pg_current_wal_lsn() AS top');
  await until('the standby has all', async () => (await query(standby.url, `SELECT pg_last_wal_replay_lsn() >= '${top}' AS has`))[0]?.has === true);
  await query(standby.url, "ALTER SYSTEM SET primary_conninfo = ''");
  await query(standby.url, 'SELECT pg_reload_conf()');
  await until('it follows no more', async () => (await query(standby.url, 'SELECT FROM pg_stat_wal_receiver')).length === 0);

  // lost is what others do: the newest event that the token has is kept
  for (let n = 0; n < 20; n++) await before.post(cy, other, `lost ${n}`);
  const first = await before.connect(bob);
  const { syncToken } = await first.wait('caughtUp');
  first.cut();
  await primary.stop();
  await query(standby.url, 'SELECT pg_promote()');

  const after = await opened.portico(standby.url);
  await after.post(ann, conversationId, 'of the new primary');
  for (let n = 0; n < 40; n++) await after.post(cy, other, `new ${n}`); // now it has used the token's transaction id
  const again = await after.connect(bob, { syncToken, ownSeq: first.ownSeq() });
  const next = await again.wait('caughtUp');
  assert.equal(again.all('syncReset').length, 1);
  assert.deepEqual(again.texts(conversationId), ['kept', 'of the new primary']);
  again.cut();
  const third = await after.connect(bob, { syncToken: next.syncToken, ownSeq: again.ownSeq() });
  await third.wait('caughtUp');
  assert.deepEqual([third.all('syncReset'), third.all('conversation')], [[], []]);
});

test('a stream that is open across a fail-over is closed, and its client then gets what the new primary has', async () => {
  await using opened = new Opened();
  const [ann, bob] = ['ann', 'bob'];
  const primary = await opened.postgres();
  await migrated(primary.url);
  const network = opened.use(await openRoughNetwork([primary.port], () => 0));
  const portico = await opened.portico(Object.assign(new URL(primary.url), { port: String(network.port) }).href);
  const conversationId = await portico.group(ann, bob);
  const standby = await opened.postgres(primary);
  await query(standby.url, "ALTER SYSTEM SET primary_conninfo = ''");
  await query(standby.url, 'SELECT pg_reload_conf()');
  await until('it follows no more', async () => (await query(standby.url, 'SELECT FROM pg_stat_wal_receiver')).length === 0);
  const first = await portico.connect(bob);
  const { syncToken } = await first.wait('caughtUp');
  for (const text of ['lost 1', 'lost 2']) await portico.post(ann, conversationId, text);
  await first.upTo(conversationId, 3);
  await query(standby.url, 'SELECT pg_promote()');
  network.leadTo([standby.port]);
  network.cut(network.connections());
  await primary.stop();
  await until('it is stored again', async () => (await portico.try(ann, 'Post', { conversationId, entry: textEntry('new 1') })).reason === undefined);
  assert.equal((await first.wait('closed')).reason, 'STORAGE_DOWN');
  await portico.post(ann, conversationId, 'new 2');
  for (const hello of [{ positions: first.positions() }, { syncToken, positions: first.positions() }]) {
    const again = await portico.connect(bob, { ...hello, ownSeq: first.ownSeq() });
    await again.wait('caughtUp');
    assert.equal(again.all('syncReset').length + again.all('conversation').filter(({ reset }) => reset).length, 1);
    assert.deepEqual(again.texts(conversationId), ['new 1', 'new 2']);
  }
});

test('a role with no more than its own schema gives tokens; one that may not read the timeline gives none, and takes none', async () => {
  await using opened = new Opened();
  const server = await opened.postgres();
  const name = `portico_${randomUUID().slice(0, 8)}`;
  await query(server.url, `CREATE ROLE ${name} LOGIN`);
  await query(server.url, `CREATE DATABASE ${name} OWNER ${name}`);
  const url = Object.assign(new URL(server.url), { pathname: `/${name}` }).href;
  const own = Object.assign(new URL(url), { username: name }).href;
  await migrated(own);
  const [ann, bob] = ['ann', 'bob'];
  const portico = await opened.portico(own);
  const conversationId = await portico.group(ann, bob);
  const first = await portico.connect(bob);
  const { syncToken } = await first.wait('caughtUp');
  assert.notEqual(syncToken, '');
  first.cut();
  await query(url, 'REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC');
  await portico.post(ann, conversationId, 'hi');
  const blind = await portico.connect(bob, { syncToken, ownSeq: first.ownSeq() });
  assert.equal((await blind.wait('caughtUp')).syncToken, '');
  assert.equal(blind.all('syncReset').length, 1);
  assert.deepEqual(blind.texts(conversationId), ['hi']);
  blind.cut();
  await portico.post(ann, conversationId, 'again');
  const byPosition = await portico.connect(bob, { positions: blind.positions(), ownSeq: blind.ownSeq() });
  await byPosition.wait('caughtUp');
  assert.deepEqual(byPosition.texts(conversationId), ['again']);
});
