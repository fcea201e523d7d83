// Runs test files: many share a process, because to load the server and to run it for the first time costs each process
// over two seconds of CPU. Each file is a suite, so that its `before` and `after` are its own.
import { spawn } from 'node:child_process';
import { chmodSync, globSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { makeTemporaryFolder } from './temporary-folder.ts';
import { groupsOf } from './test-groups.ts';

const root = resolve(import.meta.dirname, '..');
const args = process.argv.slice(2);
const options = args.filter((arg) => arg.startsWith('--'));
const files = globSync(
  args.filter((arg) => !arg.startsWith('--')),
  { cwd: root },
);

const scopes = pathToFileURL(join(root, 'scripts/test-scopes.ts'));
const folder = makeTemporaryFolder('portico-tests');
chmodSync(folder, 0o711); // PostgreSQL runs as a user of its own
const groups = groupsOf(files).map((group, n) => {
  const [first = ''] = group;
  if (group.length === 1) return join(root, first);
  const lines = group.map((file) => `suite(${JSON.stringify(file)}, () => declaredBy(${JSON.stringify(pathToFileURL(join(root, file)))}));`);
  const path = join(folder, `${String(n).padStart(2, '0')}.test.mjs`);
  writeFileSync(path, ["import { suite } from 'node:test';", `import { declaredBy } from ${JSON.stringify(scopes)};`, ...lines, ''].join('\n'));
  return path;
});

const setup = '--test-global-setup=test/support/global-setup.ts';
const child = spawn(process.execPath, [`--import=${scopes}`, '--test', setup, ...options, ...groups], {
  cwd: root,
  env: { ...process.env, TMPDIR: folder },
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => {
  rmSync(folder, { recursive: true, force: true });
  process.exit(code ?? 1);
});
