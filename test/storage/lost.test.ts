import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { openReadiness } from '../../src/admin/readiness.ts';
import { readMigrations } from '../../src/core/adapters/sql/migrate.ts';
import { openDatabase } from '../../src/core/adapters/sql/open-database.ts';
import { openPglite } from '../../src/core/adapters/sql/open-pglite.ts';
import { openSql } from '../../src/core/adapters/sql/postgres-or-pglite.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { keptLog } from '../support/log.ts';
import { createMigratedDatabase } from '../support/postgres/postgres.ts';

const words = 'the embedded database has ended by itself: restart the server';

/** A worker that is ready, and fails as PGlite does when its memory is used up. */
const failing = new URL(
  `data:text/javascript,${encodeURIComponent(`
    import { parentPort } from 'node:worker_threads';
    parentPort.postMessage('ready');
    setTimeout(() => { throw new RangeError('out of memory'); }, 20);
  `)}`,
);

test('an embedded database that ends by itself is told with its error, and can still be closed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'portico-lost-'));
  const { log, lines } = keptLog();
  const { lost, close } = await openPglite(folder, log, failing);
  assert.equal(await lost, words);
  assert.deepEqual(
    lines.map(({ level, message }) => [level, message]),
    [['error', 'The embedded database has ended by itself: restart the server.']],
  );
  assert.match(String((lines[0]?.fields as { readonly error?: unknown } | undefined)?.error), /out of memory/);
  await close();
  assert.equal(existsSync(join(folder, 'lock')), false);
  rmSync(folder, { recursive: true });
});

test('a server whose embedded database is lost is not ready any more, and says why', async () => {
  const { url, drop } = await createMigratedDatabase();
  const { log } = keptLog();
  const losing = Promise.withResolvers<string>();
  const database = openDatabase({
    where: { url },
    migrations: readMigrations(resolve(import.meta.dirname, '../../migrations')),
    clock: systemClock,
    log,
    listening: Promise.resolve(),
    open: async (options) => ({ ...(await openSql(options, log)), lost: losing.promise }),
  });
  const readiness = openReadiness([], database.waitsFor);
  await database.ready;
  assert.equal(readiness.health.serving(''), true);
  losing.resolve(words);
  await database.lost;
  assert.deepEqual([readiness.health.serving(''), readiness.probes['/readyz']?.().lines], [false, [words]]);
  await database.close();
  await drop();
});
