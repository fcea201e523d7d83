import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Kysely, sql } from 'kysely';
import type { Database } from '../../src/core/adapters/sql/database-tables.ts';
import { openSql } from '../../src/core/adapters/sql/postgres-or-pglite.ts';
import { quietLog } from '../support/log.ts';

async function withEmbedded(use: (db: Kysely<Database>) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'portico-pglite-'));
  const { db, close } = await openSql({ folder }, quietLog);
  try {
    await use(db);
  } finally {
    await close();
    rmSync(folder, { recursive: true, force: true });
  }
}

test('embedded: statements with values on several connections, in transactions and without, never mix', () =>
  withEmbedded(async (db) => {
    const one = async (n: number) => {
      const { rows } = await sql<{ a: string; b: number }>`SELECT ${`text ${n}`}::text AS a, ${n}::integer AS b`.execute(db);
      assert.deepEqual(rows, [{ a: `text ${n}`, b: n }]);
    };
    const other = async (n: number) => {
      const { rows } = await sql<{ sum: bigint }>`SELECT sum(x)::bigint AS sum FROM generate_series(1, ${n}::integer) AS x`.execute(db);
      assert.equal(Number(rows[0]?.sum), (n * (n + 1)) / 2);
    };
    const failing = async () => void (await assert.rejects(sql`SELECT ${0}::integer / 0`.execute(db), /division by zero/));
    const inTransaction = async (n: number) =>
      db.transaction().execute(async (tx) => {
        for (let i = 0; i < 2; i++) {
          const { rows } = await sql<{ b: number }>`SELECT ${n + i}::integer AS b`.execute(tx);
          assert.equal(rows[0]?.b, n + i);
        }
      });
    await Promise.all(Array.from({ length: 200 }, (_, n) => [one, other, failing, inTransaction][n % 4]?.(n)));
  }));

test('embedded: a statement that takes long keeps other connections waiting, and fails none', () =>
  withEmbedded(async (db) => {
    let isDone = false;
    // more than the 5 s in which PostgreSQL has to greet
    const long = sql`SELECT pg_sleep(6)`.execute(db).then(() => {
      isDone = true;
    });
    const { rows } = await sql<{ one: number }>`SELECT 1 AS one`.execute(db);
    assert.deepEqual([rows, isDone], [[{ one: 1 }], true]);
    await long;
  }));
