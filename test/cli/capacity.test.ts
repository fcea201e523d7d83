import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { assumptionNames, optionOf } from '../../src/cli/capacity/assumptions.ts';
import { costNames } from '../../src/cli/capacity/costs.ts';
import { run } from './portico.ts';

const cwd = mkdtempSync(join(tmpdir(), 'portico-capacity-'));
after(() => rmSync(cwd, { recursive: true, force: true }));
const capacity = (...args: string[]) => run(['capacity', ...args], { cwd });

test('ten million clients become a cluster: every assumption and every cost is printed', async () => {
  const { code, stdout, stderr } = await capacity('--clients', '10000000', '--calls-per-minute', '3', '--plot', 'storm.svg');
  assert.equal(code, 0, stderr);
  for (const name of assumptionNames) assert.match(stdout, new RegExp(`^  ${optionOf(name)} +[0-9]`, 'm'));
  for (const name of costNames) assert.match(stdout, new RegExp(`^  ${name} +[0-9]`, 'm'));
  assert.match(stdout, /^ {2}--calls-per-minute +3 /m);
  for (const row of ['pods', 'Redis shards', 'PostgreSQL', 'connections', 'network', 'jitter'])
    assert.match(stdout, new RegExp(`^  ${row} +[0-9]`, 'm'));
  assert.match(readFileSync(join(cwd, 'storm.svg'), 'utf8'), /^<svg xmlns[\s\S]+polyline[\s\S]+<\/svg>\n$/);
});

test('the same seed makes the same plot and figures, and the rate that was chosen is kept', async () => {
  const of = async (file: string) => {
    const rate = ['--handshakes-per-second', '2000', '--seed', '5'];
    const { stdout } = await capacity('--clients', '300000', ...rate, '--json', '--plot', file);
    return { result: JSON.parse(stdout), plot: readFileSync(join(cwd, file), 'utf8') };
  };
  const [one, two] = [await of('one.svg'), await of('two.svg')];
  assert.deepEqual(one, two);
  const { clients, jitterSeconds, spread, atOnce } = one.result.zoneLoss;
  assert.deepEqual([clients, Math.max(...spread.attempts) <= 2_000, Math.max(...atOnce.accepted)], [100_000, true, 2_000]);
  assert.ok(jitterSeconds > 50 && jitterSeconds < 65, `${jitterSeconds}`);
});

test('wrong numbers are refused all at once, each with what is allowed', async () => {
  const { code, stdout, stderr } = await capacity('--clients', 'many', '--cached-share', '1.5', '--zones', '2.5', '--seed', '-1');
  assert.deepEqual([code, stdout], [64, '']);
  for (const line of ['--clients many: a whole number', '--cached-share 1.5: a number from 0 to 1', '--zones 2.5: a whole number', '--seed -1'])
    assert.ok(stderr.includes(line), `${line}: ${stderr}`);
});

test('what does not fit together is refused by the option that would change it', async () => {
  for (const [args, words] of [
    [['--lost-zones', '3'], /--lost-zones 3: fewer than --zones 3/],
    [['--pod-memory-mib', '256'], /--pod-memory-mib 256/],
    [['--handshakes-per-second', '100'], /100 handshakes per second would return for more than a day/],
    [['--storm-target', '0.05'], /--storm-target 0\.05: the remaining pods use more/],
    [['--plot', 'no/such/folder.svg'], /--plot no\/such\/folder\.svg: ENOENT/],
  ] as const) {
    const { code, stderr } = await capacity('--clients', '100000000', ...args);
    assert.equal(code, 64, stderr);
    assert.match(stderr, words);
  }
  const { code, stderr } = await capacity();
  assert.equal(code, 64);
  assert.match(stderr, /--clients/);
});
