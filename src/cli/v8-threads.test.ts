import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

const script = `
import { readdirSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
const { letV8ThreadsYield } = await import(process.argv[1]);
letV8ThreadsYield();
const threads = readdirSync('/proc/self/task').map((id) => [readFileSync('/proc/self/task/' + id + '/comm', 'utf8').trim(), getPriority(Number(id))]);
console.log(JSON.stringify(threads));
`;

test("V8's threads yield to the event loop, which keeps its priority", {
  skip: process.platform !== 'linux' && 'only Linux has priorities of threads',
}, () => {
  const args = ['--input-type=module', '--eval', script, join(import.meta.dirname, 'v8-threads.ts')];
  const threads = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as [string, number][];
  const own = threads.filter(([name]) => name === 'MainThread' || name === 'node').map(([, niceness]) => niceness);
  const theirs = threads.filter(([name]) => name.startsWith('V8Worker')).map(([, niceness]) => niceness);
  assert.ok(own.length > 0 && theirs.length > 0, JSON.stringify(threads));
  assert.ok(Math.min(...theirs) > Math.max(...own), JSON.stringify(threads));
});
