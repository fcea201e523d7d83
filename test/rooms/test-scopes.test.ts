// The test runner as `npm test` loads it knows in which test what happens, wherever it happens.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { startProcess } from '../support/server/process.ts';

const folder = mkdtempSync(join(tmpdir(), 'portico-scopes-'));
after(() => rmSync(folder, { recursive: true }));

/** What a test does wrong outside of its own promise, while it waits for what never comes. */
const mistakes = {
  'a timer': `setTimeout(() => { throw new Error('wrong'); }, 1);`,
  'an immediate after a promise': `Promise.resolve().then(() => setImmediate(() => { throw new Error('wrong'); }));`,
  'a promise that nobody awaits': `void (async () => { await null; throw new Error('wrong'); })();`,
  'an event of a socket': `connect(1, '127.0.0.1').on('error', () => { throw new Error('wrong'); });`,
  'a file that was read': `readFile(import.meta.filename, () => { throw new Error('wrong'); });`,
};

const inner = `
import { after, before, describe, test } from 'node:test';
import { connect } from 'node:net';
import { readFile } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
let ready = false;
before(async () => { await null; ready = true; });
after(() => console.error('after', ready));
describe('described', () => {
  test('has what was opened before', () => { if (!ready) throw new Error('not ready'); });
${Object.entries(mistakes)
  .map(([name, code]) => `  test('${name}', ({ signal }) => { ${code} return sleep(60_000, undefined, { signal }); });`)
  .join('\n')}
  test('goes on', async (t) => { await t.test('with a test of its own', async () => {}); });
});
test('is the last', () => { setTimeout(() => { throw new Error('too late'); }, 50).ref(); });
`;

test('an error anywhere fails the very test that caused it, and one after the end the whole run', async () => {
  writeFileSync(join(folder, 'inner.mjs'), inner);
  writeFileSync(join(folder, 'other.mjs'), `import { test } from 'node:test';\nawait null;\ntest('is of another file', () => {});`);
  const scopes = pathToFileURL(resolve(import.meta.dirname, '../../scripts/test-scopes.ts')).href;
  const files = ['inner', 'other'].map((name) => [name, pathToFileURL(join(folder, `${name}.mjs`)).href]);
  const suites = files.map(([name, file]) => `suite('${name}', () => declaredBy('${file}'));`);
  const imports = [`import { suite } from 'node:test';`, `import { declaredBy } from '${scopes}';`];
  writeFileSync(join(folder, 'group.test.mjs'), [...imports, ...suites].join('\n'));
  const args = ['--import', scopes, '--test', '--test-reporter=tap', 'group.test.mjs'];
  const { NODE_TEST_CONTEXT: _, ...env } = process.env; // it is a test run of its own
  const { code, stdout } = await startProcess(process.execPath, args, { cwd: folder, env }).ended;
  const results = [...stdout.matchAll(/^( *)(ok|not ok) \d+ - (.*)$/gm)].map(([, indent = '', result, name]) => [indent.length / 4, result, name]);
  assert.deepEqual(results, [
    [2, 'ok', 'has what was opened before'],
    ...Object.keys(mistakes).map((name) => [2, 'not ok', name]),
    [3, 'ok', 'with a test of its own'],
    [2, 'ok', 'goes on'],
    [1, 'not ok', 'described'],
    [1, 'ok', 'is the last'],
    [0, 'not ok', 'inner'],
    [1, 'ok', 'is of another file'],
    [0, 'ok', 'other'],
  ]);
  assert.match(stdout, /"Error: too late"/);
  assert.equal(code, 1);
});
