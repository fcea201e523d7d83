// Which command runs a test stands in its file's name: `npm test` runs *.test.ts, a command of its own runs *.spec.ts.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '../..');
const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
const names = globSync('{src,test}/**/*.ts', { cwd: root });

/** Files that some npm script hands to the test runner. */
const run = new Set(
  Object.values(scripts)
    .filter((command) => / --test |scripts\/test\.ts/.test(command))
    .flatMap((command) => command.split(' ').map((word) => word.replaceAll("'", '')))
    .filter((word) => word.endsWith('.ts') && !word.startsWith('--') && word !== 'scripts/test.ts')
    .flatMap((pattern) => globSync(pattern, { cwd: root })),
);

test('every *.test.ts and *.spec.ts is run by an npm script, and nothing else is', () => {
  const tests = names.filter((name) => /\.(test|spec)\.ts$/.test(name) && !name.startsWith('test/findings/'));
  assert.deepEqual([...run].filter((name) => name !== 'scripts/launch.cjs' && !name.startsWith('src/main')).sort(), tests.sort());
});

test('npm test runs no *.spec.ts', () => {
  assert.doesNotMatch(scripts.test ?? '', /spec\.ts/);
});
