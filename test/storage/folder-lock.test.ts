import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { lockFolder } from '../../src/core/adapters/sql/folder-lock.ts';

const module = resolve(import.meta.dirname, '../../src/core/adapters/sql/folder-lock.ts');

function inFolder(body: (folder: string, lock: string) => Promise<void> | void): () => Promise<void> {
  return async () => {
    const folder = mkdtempSync(join(tmpdir(), 'portico-lock-'));
    try {
      await body(folder, join(folder, 'lock'));
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
}

test(
  'a folder in use is refused, with the process that has it, until it is given back',
  inFolder((folder) => {
    const unlock = lockFolder(folder);
    assert.throws(() => lockFolder(folder), {
      message: `The data directory ${folder} is in use by process ${process.pid}. Stop it, or choose another with PORTICO_DATA_DIR.`,
    });
    unlock();
    assert.deepEqual(readdirSync(folder), []);
    lockFolder(folder)();
  }),
);

test(
  'a lock whose process is gone, or whose number another process has now, or that is empty, is taken over',
  inFolder((folder, lock) => {
    for (const stale of ['4194305 17\n', `${process.pid} 17\n`, '']) {
      writeFileSync(lock, stale);
      const unlock = lockFolder(folder);
      assert.match(readFileSync(lock, 'utf8'), new RegExp(`^${process.pid} \\d+\n$`));
      unlock();
    }
  }),
);

test(
  'a takeover that was cut off by a kill does not block the next one',
  inFolder((folder, lock) => {
    writeFileSync(lock, '4194305 17\n');
    writeFileSync(`${lock}.takeover`, '4194306 17\n');
    lockFolder(folder)();
    assert.deepEqual(readdirSync(folder), []);
  }),
);

test(
  'giving back leaves a lock alone that another has by now',
  inFolder((folder, lock) => {
    const unlock = lockFolder(folder);
    writeFileSync(lock, '1 1\n');
    unlock();
    assert.equal(readFileSync(lock, 'utf8'), '1 1\n');
  }),
);

test(
  'of several processes that find the same stale lock, one takes it',
  inFolder(async (folder, lock) => {
    writeFileSync(lock, '4194305 17\n');
    // each says that it is there, waits for the start, tries, and stays until its stdin ends
    const program = `
      const { lockFolder } = await import(${JSON.stringify(module)});
      process.stdout.write('here\\n');
      process.stdin.once('data', () => {
        try { lockFolder(${JSON.stringify(folder)}); process.stdout.write('taken\\n'); } catch (error) { process.stdout.write(error.message + '\\n'); }
      });`;
    const children = [1, 2, 3, 4].map(() => spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['pipe', 'pipe', 'inherit'] }));
    const next = async (child: (typeof children)[number]) => String((await once(child.stdout, 'data'))[0]).trim();
    assert.deepEqual(await Promise.all(children.map(next)), ['here', 'here', 'here', 'here']);
    const said = children.map(next);
    for (const child of children) child.stdin.write('go\n');
    const answers = await Promise.all(said);
    const ended = children.map((child) => once(child, 'exit'));
    for (const child of children) child.stdin.end();
    await Promise.all(ended);
    const taker = children[answers.indexOf('taken')]?.pid;
    assert.deepEqual(
      answers.filter((answer) => answer !== 'taken'),
      Array(3).fill(`The data directory ${folder} is in use by process ${taker}. Stop it, or choose another with PORTICO_DATA_DIR.`),
    );
  }),
);
