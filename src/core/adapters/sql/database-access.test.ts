import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Kysely } from 'kysely';
import { Fault } from '../../kit/fault.ts';
import { openDatabaseAccess } from './database-access.ts';
import type { Database } from './database-tables.ts';

const db = {} as Kysely<Database>;
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('work waits until the database is open, and gives what it gives', async () => {
  const opening = Promise.withResolvers<Kysely<Database>>();
  const { use } = openDatabaseAccess(opening.promise);
  const seen: unknown[] = [];
  const work = use(async (opened) => {
    seen.push(opened);
    return 7;
  });
  await turn();
  assert.deepEqual(seen, []);
  opening.resolve(db);
  assert.equal(await work, 7);
  assert.deepEqual(seen, [db]);
});

test('a database that cannot be reached is a fault of storage; any other error stays what it is', async () => {
  const { use } = openDatabaseAccess(db);
  const isDown = (error: unknown) => error instanceof Fault && error.reason === 'STORAGE_DOWN';
  await assert.rejects(
    use(() => Promise.reject(Object.assign(new Error('x'), { code: 'ECONNREFUSED' }))),
    isDown,
  );
  const unique = Object.assign(new Error('duplicate key'), { code: '23505' });
  await assert.rejects(
    use(() => Promise.reject(unique)),
    (error) => error === unique,
  );
});

test('closing waits for work that has begun, and takes no more', async () => {
  const { use, close } = openDatabaseAccess(db);
  const gate = Promise.withResolvers<void>();
  const running = use(() => gate.promise);
  await turn();
  let closed = false;
  const closing = close().then(() => {
    closed = true;
  });
  await assert.rejects(
    use(async () => {}),
    /is stopping/,
  );
  assert.equal(closed, false);
  gate.resolve();
  await Promise.all([running, closing]);
});
