import assert from 'node:assert/strict';
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const folder = mkdtempSync(join(tmpdir(), 'portico-one-cpu-'));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'main.mjs');
writeFileSync(
  file,
  `import { collectAloneOnOneCpu } from ${JSON.stringify(join(import.meta.dirname, 'one-cpu.ts'))};
console.log(process.pid);
collectAloneOnOneCpu(Number(process.env.CPUS));
const { pid, execArgv, argv, env } = process;
console.log(JSON.stringify({ pid, execArgv, argv: argv.slice(1), env: env.CPUS }));
`,
);

/** Runs such a main file. @returns the process ids that it begins with, and what it is then */
function begun(cpus: number, args: readonly string[], flags: readonly string[] = []) {
  const options = { encoding: 'utf8', env: { ...process.env, CPUS: String(cpus) } } as const;
  const lines = execFileSync(process.execPath, ['--no-warnings', ...flags, file, ...args], options)
    .trim()
    .split('\n');
  const { pid, ...now } = JSON.parse(lines.pop() ?? '') as { readonly pid: number; readonly execArgv: readonly string[] };
  return { begins: lines.map((line) => Number(line) === pid), now };
}

test('portico serve begins once more on one CPU, as the same process, with the flag', () => {
  const args = ['serve', '--config', 'a "b"'];
  const now = { execArgv: ['--single-threaded-gc', '--no-warnings'], argv: [file, ...args], env: '1' };
  assert.deepEqual(begun(1, args), { begins: [true, true], now });
});

test('with more CPUs, and by other commands, it does not', () => {
  for (const [cpus, args] of [
    [2, ['serve']],
    [1, ['check', 'serve']],
    [1, []],
  ] as const) {
    const now = { execArgv: ['--no-warnings'], argv: [file, ...args], env: String(cpus) };
    assert.deepEqual(begun(cpus, args), { begins: [true], now });
  }
});

test('who has chosen threads keeps them', () => {
  const { now } = begun(1, ['serve'], ['--no-single-threaded-gc']);
  assert.deepEqual(now, { execArgv: ['--no-warnings', '--no-single-threaded-gc'], argv: [file, 'serve'], env: '1' });
});

test('a process with a channel to its parent does not, because it would lose it', async () => {
  const child = fork(file, ['serve'], { execArgv: ['--no-warnings'], env: { ...process.env, CPUS: '1' }, silent: true });
  const lines: Buffer[] = [];
  child.stdout?.on('data', (line: Buffer) => lines.push(line));
  await once(child, 'close');
  assert.match(Buffer.concat(lines).toString(), /"execArgv":\["--no-warnings"\]/);
});
