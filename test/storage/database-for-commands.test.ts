// A command that works with the database: its failures are named as those of the database only when they are.
import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { sql } from 'kysely';
import { openDatabaseAccess } from '../../src/core/adapters/sql/database-access.ts';
import { Fault } from '../../src/core/kit/fault.ts';
import { StoreDown } from '../../src/core/kit/store-down.ts';
import { loadSettings } from '../../src/settings.ts';
import { DependencyError } from '../../src/wire/dependency-error.ts';
import { withFittingDatabase } from '../../src/wire/migrations.ts';
import { withUserData } from '../../src/wire/user-data-for-commands.ts';
import { createDatabase, createMigratedDatabase } from '../support/postgres/postgres.ts';
import { startRedisServer } from '../support/redis/redis.ts';

const opened: { drop(): Promise<void> }[] = [];
after(async () => {
  for (const { drop } of opened) await drop();
});
const urlOf = async (made: ReturnType<typeof createDatabase>) => {
  opened.push(await made);
  return (await made).url;
};
const settingsFor = (said: Readonly<Record<string, unknown>>) =>
  loadSettings('dev', {
    file: undefined,
    env: {},
    flags: Object.entries(said).map(([key, value]) => ({ path: key.split('.'), value, origin: key })),
  });

test('what work throws stays what it is, unless the database has failed', async () => {
  const settings = settingsFor({ 'sql.url': await urlOf(createMigratedDatabase()) });
  for (const thrown of [
    new TypeError('undefined is not a function'),
    new StoreDown('connection', 'Redis has gone.'),
    new Fault('STORE_DOWN', 'The store that all replicas share is unavailable.'),
    Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }),
    Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:6379'), { code: 'ECONNREFUSED' }),
    'a text',
    undefined,
  ]) {
    const outcome = await withFittingDatabase(settings, () => Promise.reject(thrown)).then(
      () => assert.fail('it succeeded'),
      (error: unknown) => ({ error }),
    );
    assert.equal(outcome.error, thrown);
  }
  assert.equal(await withFittingDatabase(settings, async () => 7), 7);

  const failing = (statement: string) =>
    withFittingDatabase(settings, async (db) => openDatabaseAccess(db).use((db) => sql.raw(statement).execute(db)));
  await assert.rejects(failing('SELECT 1 / 0'), (error) => isDependency(error, /^The database of sql\.url cannot be used: division by zero$/));
  await assert.rejects(failing('SELECT pg_terminate_backend(pg_backend_pid())'), (error) =>
    isDependency(error, /cannot be used: (terminating|Connection)/),
  );
});

test('a database that cannot be reached or lacks the schema is named, and so is a Redis that does not fit', async () => {
  const nothing = async () => assert.fail('the work has begun');
  await assert.rejects(withFittingDatabase(settingsFor({ 'sql.url': 'postgres://x@127.0.0.1:1/x' }), nothing), (error) =>
    isDependency(error, /^The database of sql\.url cannot be used: connect ECONNREFUSED/),
  );
  await assert.rejects(withFittingDatabase(settingsFor({ 'sql.url': await urlOf(createDatabase()) }), nothing), (error) =>
    isDependency(error, /lacks a part of this release's schema/),
  );
  const redis = await startRedisServer({ config: ['maxmemory-policy allkeys-lru'] });
  try {
    const settings = settingsFor({
      'sql.url': await urlOf(createMigratedDatabase()),
      'redis.mode': 'single',
      'redis.nodes': [redis.address],
    });
    await assert.rejects(withUserData(settings, nothing), (error) => isDependency(error, /^Redis does not fit: /));
  } finally {
    await redis.stop();
  }
});

function isDependency(error: unknown, text: RegExp): true {
  assert.ok(error instanceof DependencyError, `${error}`);
  assert.match(error.message, text);
  return true;
}
