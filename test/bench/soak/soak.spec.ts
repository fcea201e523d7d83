// The soak itself, small and short: every kind of load works, nothing fails, and it writes what it promises.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { startProcess } from '../../support/server/process.ts';
import type { Sample } from './sample.ts';
import type { Verdict } from './verdict.ts';

const folder = mkdtempSync(join(tmpdir(), 'portico-soak-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const { NODE_TEST_CONTEXT: _, ...env } = process.env;
const soak = (args: readonly string[], more: Readonly<Record<string, string>> = {}) =>
  startProcess(process.execPath, [resolve('test/bench/soak/main.ts'), ...args], { cwd: resolve('.'), env: { ...env, ...more } }).ended;

test('40 clients, 15 seconds after a warm-up of as long: all kinds of load, no failure, a plot and its numbers', { timeout: 300_000 }, async () => {
  const { code, stdout, stderr } = await soak(['--minutes', '0.25', '--folder', folder], { SOAK_CLIENTS: '40' });
  const result = JSON.parse(readFileSync(join(folder, 'soak.json'), 'utf8')) as {
    readonly verdict: Verdict;
    readonly did: Readonly<Record<string, number>>;
    readonly errors: readonly string[];
    readonly samples: readonly Sample[];
  };
  assert.deepEqual([result.errors, result.verdict.ok, code], [[], true, 0], `${stdout}${stderr}`);
  const kinds = ['cached calls', 'uncached calls', 'forwarded calls', 'events', 'snapshots', 'messages sent', 'messages received'];
  for (const kind of [...kinds, 'SignIn', 'Refresh', 'live streams that returned', 'chat streams that returned', 'publications'])
    assert.ok((result.did[kind] ?? 0) > 0, `${kind}: ${JSON.stringify(result.did)}`);
  assert.ok(result.samples.length >= 3);
  for (const { heapBytes, rssBytes, handles, streams } of result.samples)
    assert.ok(heapBytes > 0 && rssBytes > heapBytes && handles > 40 && streams > 0);
  assert.match(readFileSync(join(folder, 'soak.svg'), 'utf8'), /^<svg[\s\S]*Memory after a collection[\s\S]*<\/svg>\n$/);
});

test('wrong arguments are refused with the usage', async () => {
  for (const [args, words, clients] of [
    [['--minutes', '0', '--folder', folder], /--minutes 0: a number from/, '40'],
    [['--minutes', '1'], /--folder is missing/, '40'],
    [['--minutes', '1', '--folder', folder], /SOAK_CLIENTS=few: a whole number/, 'few'],
  ] as const) {
    const { code, stderr } = await soak(args, { SOAK_CLIENTS: clients });
    assert.equal(code, 64);
    assert.match(stderr, words);
  }
});
