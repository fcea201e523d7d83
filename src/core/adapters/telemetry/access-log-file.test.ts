import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fakeClock } from '../../../../test/support/time/clock.ts';
import { until } from '../../../../test/support/time/until.ts';
import { openLineFile } from './access-log-file.ts';

function fileIn(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'portico-lines-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'made/with/it.log');
}

/** Lines are collected in blocks of it, of which 64 may wait. */
const blockBytes = 65_536;
const fail = (error: Error) => assert.fail(error);

test('lines come out whole and in order, though they fill many blocks', async (t) => {
  const file = fileIn(t);
  const lines = openLineFile(file, fakeClock(), fail);
  const written = Array.from({ length: 5_000 }, (_, n) => `{"n":${n},"text":"${'ä€😀'.repeat(10)}"}\n`);
  for (const [n, line] of written.entries()) {
    lines.write(line);
    if (n % 500 === 0) await new Promise((resolve) => setImmediate(resolve)); // the disk gets its turn
  }
  const bytes = Buffer.byteLength(written.join(''));
  await until('the disk has all but the last block', () => statSync(file).size >= bytes - blockBytes);
  await lines.close();
  assert.equal(readFileSync(file, 'utf8'), written.join(''));
});

test('closing while the disk still takes a block keeps the order, and no later line is written', async (t) => {
  const file = fileIn(t);
  const lines = openLineFile(file, fakeClock(), fail);
  const written = Array.from({ length: 60 }, (_, n) => `${n} ${'x'.repeat(20_000)}\n`); // one fills a block
  for (const line of written) lines.write(line);
  const closed = lines.close(); // one block is being written, and the others wait
  lines.write('late\n');
  await Promise.all([closed, lines.close()]);
  assert.equal(readFileSync(file, 'utf8'), written.join(''));
});

test('a single line is there a second later', async (t) => {
  const file = fileIn(t);
  const clock = fakeClock();
  const lines = openLineFile(file, clock, fail);
  lines.write('one\n');
  assert.equal(readFileSync(file, 'utf8'), '');
  await clock.advance(1_000);
  while (readFileSync(file, 'utf8') === '') await new Promise((resolve) => setImmediate(resolve));
  assert.equal(readFileSync(file, 'utf8'), 'one\n');
  await lines.close();
});

test('a full disk is reported, and fails no call', async () => {
  const clock = fakeClock();
  const told = Promise.withResolvers<Error>();
  const lines = openLineFile('/dev/full', clock, told.resolve);
  lines.write('one\n');
  await clock.advance(1_000);
  assert.match((await told.promise).message, /ENOSPC/);
  await lines.close();
});

test('while the disk takes nothing, lines are dropped beyond a bound, and their number is said', async (t) => {
  const file = fileIn(t);
  const lines = openLineFile(file, fakeClock(), fail);
  const line = `${'x'.repeat(20_000)}\n`; // one fills a block
  for (let n = 0; n < 300; n++) lines.write(line); // no write ends before we wait
  await until('the disk has the block that was written, and those that waited', () => statSync(file).size === 65 * line.length);
  lines.write('after\n');
  await lines.close();
  const text = readFileSync(file, 'utf8');
  assert.match(text, /\d+ lines were dropped/);
  assert.ok(text.endsWith('after\n'));
});
