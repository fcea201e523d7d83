// Core's tests know nothing of the app and of the sample company: a team adds screens, and takes the sample out, and
// they stay green.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '../..');
/** What docs/screens/replace-the-sample.md deletes with the sample. */
const ofSample = ['test/sample/', 'test/bench/', 'test/clients/', 'test/upgrade/', 'scripts/cluster', 'src/sample/'];
/** Asks the app, whatever it is, for the names of its upstreams. */
const namesUpstreams = 'test/support/server/app-upstreams.ts';
/** Code that a team deletes or writes anew, and what is generated from its protos. */
const isTeams = (target: string) =>
  /^src\/(app|sample)\//.test(target) || (target.startsWith('src/gen/') && !/^src\/gen\/(portico|google|grpc|buf)\//.test(target));

test('no test, support of a test or script imports the app, the sample company or code of their protos', () => {
  const files = globSync('{test,scripts,src/core,src/release,src/settings}/**/*.ts', { cwd: root }).filter(
    (file) => !ofSample.some((path) => file.startsWith(path)),
  );
  const wrong = files.flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)]
      .map(([, specifier = '']) => relative(root, resolve(root, dirname(file), specifier)))
      .filter((target) => file !== namesUpstreams && (isTeams(target) || ofSample.some((path) => target.startsWith(path))))
      .map((target) => `${file} imports ${target}`),
  );
  assert.deepEqual(wrong, []);
});
