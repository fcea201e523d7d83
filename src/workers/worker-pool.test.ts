import assert from 'node:assert/strict';
import cluster from 'node:cluster';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, test } from 'node:test';
import { keptLog } from '../../test/support/log.ts';
import { until } from '../../test/support/time/until.ts';
import { openWorkerPool, WorkerFailed, type WorkerPool } from './worker-pool.ts';

const exec = resolve(import.meta.dirname, '../../test/support/programs/pool-worker.ts');
const folders: string[] = [];
let pool: WorkerPool | undefined;
afterEach(async () => {
  await pool?.drain('the end of a test');
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
});

/** @param plan what each worker does, in the order in which they start; the later ones serve */
function open(count: number, ...plan: ('serves' | 'slow' | 'dies')[]) {
  const folder = mkdtempSync(join(tmpdir(), 'portico-pool-'));
  folders.push(folder);
  writeFileSync(join(folder, 'plan'), plan.join('\n'));
  process.env.PORTICO_TEST_WORKERS = folder;
  cluster.setupPrimary({ exec, execArgv: [] });
  const kept = keptLog();
  const clock = { nowMs: () => 0, monotonicMs: () => 0, after: (_: number, callback: () => void) => void setImmediate(callback) as never };
  pool = openWorkerPool({ count, ticketKeys: Buffer.alloc(48), clock, log: kept.log });
  return { pool, lines: kept.lines, started: () => readdirSync(folder).length - 1 };
}

test('as many workers as wanted listen, also when some have died before they did', async () => {
  for (const plan of [[], ['serves', 'dies'], ['serves', 'dies', 'dies', 'serves', 'dies']] as const) {
    const { pool: opened, lines } = open(3, ...plan);
    await opened.listening;
    assert.equal(opened.workers().length, 3, plan.join());
    const dead = plan.filter((does) => does === 'dies').length;
    assert.deepEqual([opened.replaced, lines.filter(({ level }) => level === 'error').length], [dead, dead]);
    assert.equal(await opened.drain('done'), 0);
  }
});

test('a first worker that dies is reported with its code, and none is started after it', async () => {
  const { pool: opened, started } = open(2, 'dies');
  await assert.rejects(opened.listening, (error) => error instanceof WorkerFailed && error.code === 7);
  assert.equal(started(), 1);
});

test('a drain that is asked for while workers start reaches those that do, and no other is started', async () => {
  for (const plan of [['slow'], ['serves', 'slow']] as const) {
    const { pool: opened, started } = open(3, ...plan);
    await until('the last one has begun', () => started() === plan.length);
    assert.equal(await opened.drain('early'), 0);
    assert.equal(started(), plan.length);
  }
});

test('a process that cannot be made is logged, and made again', async () => {
  const { pool: opened, lines } = open(2, 'serves', 'slow');
  await until('one listens', () => opened.workers().length === 1);
  cluster.setupPrimary({ cwd: '/no/such/folder' });
  const [first] = Object.values(cluster.workers ?? {});
  first?.process.kill('SIGKILL');
  await until('it was tried', () => lines.some(({ message }) => message.includes('could not be started')));
  cluster.setupPrimary({ cwd: process.cwd() });
  await opened.listening;
  assert.equal(opened.workers().length, 2);
});
