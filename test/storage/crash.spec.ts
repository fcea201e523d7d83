import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDatabaseAccess } from '../../src/core/adapters/sql/database-access.ts';
import { openSql } from '../../src/core/adapters/sql/postgres-or-pglite.ts';
import { sqlSessions } from '../../src/core/adapters/sql/sessions.ts';
import { quietLog } from '../support/log.ts';

const writer = join(import.meta.dirname, 'session-writer.ts');
const rounds = 3;

/** Lets a process write sessions, and kills it in the midst of them. @returns ids of those that it said were kept */
async function killed(folder: string, least: number): Promise<readonly string[]> {
  const child: ChildProcess = spawn(process.execPath, [writer, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ids: string[] = [];
  let rest = '';
  const ended = once(child, 'exit');
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    ids.push(...lines);
    if (ids.length >= least) child.kill('SIGKILL');
  });
  const [, signal] = (await ended) as [number | null, NodeJS.Signals | null];
  assert.equal(signal, 'SIGKILL', 'the writer ended by itself');
  return ids;
}

test('sessions that the embedded database has acknowledged survive a kill -9, again and again, and the lock of the dead is taken over', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'portico-crash-'));
  try {
    const kept: string[] = [];
    for (let round = 0; round < rounds; round += 1) {
      kept.push(...(await killed(folder, 20 + 7 * round)));
      assert.ok(existsSync(join(folder, 'lock')));
    }
    const sql = await openSql({ folder }, quietLog);
    try {
      const sessions = sqlSessions(openDatabaseAccess(sql.db).use);
      const found = new Set((await sessions.ofUser('ann', { seenMs: 0, signedInMs: 0, most: 10_000, following: undefined })).map(({ id }) => id));
      assert.deepEqual(
        kept.filter((id) => !found.has(id)),
        [],
      );
    } finally {
      await sql.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
