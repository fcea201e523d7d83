// Rules that run in the database can be read: each function stands as it is now in a file beside the code that calls it.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { Client } from 'pg';
import { createMigratedDatabase } from '../support/postgres/postgres.ts';
import { projectFiles } from '../support/server/clone.ts';

const root = resolve(import.meta.dirname, '../..');
const files = projectFiles().filter((file) => file.startsWith('src/core/adapters/sql/') && file.endsWith('.sql'));

async function definitions(client: Client): Promise<ReadonlyMap<string, string>> {
  const { rows } = await client.query<{ name: string; text: string }>(`
    SELECT oid::regprocedure::text AS name, pg_get_functiondef(oid) AS text FROM pg_proc
    WHERE pronamespace = current_schema()::regnamespace ORDER BY 1`);
  return new Map(rows.map(({ name, text }) => [name, text]));
}

test('the functions of a migrated database are those of the files in src/core/adapters/sql', async () => {
  await using database = { ...(await createMigratedDatabase()), [Symbol.asyncDispose]: () => database.drop() };
  const client = new Client({ connectionString: database.url });
  await client.connect();
  try {
    const migrated = await definitions(client);
    assert.ok(migrated.size > 0);
    for (const name of migrated.keys()) await client.query(`ALTER FUNCTION ${name} COST 7`); // known apart from what a file makes
    const unread = await definitions(client);
    for (const file of files) await client.query(readFileSync(join(root, file), 'utf8'));
    const written = await definitions(client);
    const other = [...new Set([...migrated.keys(), ...written.keys()])].filter((name) => written.get(name) !== migrated.get(name));
    const reasonOf = (name: string) => (written.get(name) === unread.get(name) ? 'it is in no file' : 'its file has another text');
    assert.deepEqual(
      other.map((name) => `${name}: ${migrated.has(name) ? reasonOf(name) : 'no migration makes it'}`),
      [],
      'A function is changed in its file in src/core/adapters/sql, and by a new migration with the same text: applied migrations stay as they are.',
    );
  } finally {
    await client.end();
  }
});
