// What must hold of the .proto files: buf's lint and format, and no change that would break an app in the field, against the committed baseline.
// `--baseline` takes the protos as they are now for the next baseline: after a release.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const baseline = 'proto/baseline.binpb';
/** What apps and services were promised: ours, the team's and the sample company's. Not the vendored files, nor those of the tests. */
const ours = ['proto/portico', 'proto/app'].filter((folder) => existsSync(join(root, folder)));
const sample = existsSync(join(root, 'proto/sample')) ? readdirSync(join(root, 'proto/sample')).map((folder) => `proto/sample/${folder}`) : [];
const promised = [...ours, ...sample].flatMap((path) => ['--path', path]);

function buf(...args: string[]): boolean {
  try {
    execFileSync(join(root, 'node_modules/.bin/buf'), args, { cwd: root, stdio: 'inherit' });
    return true;
  } catch {
    return false; // buf has said what is wrong
  }
}

const build = (to: string, ...flags: string[]) => buf('build', ...promised, ...flags, '-o', to);

/** Image against image: a workspace of several modules is compared module by module, and misses in each what the others have. */
function breaksNothing(): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'portico-protos-'));
  const now = join(folder, 'now.binpb');
  try {
    return build(now) && buf('breaking', now, '--against', baseline, '--exclude-imports', '--config', 'buf.yaml');
  } finally {
    rmSync(folder, { recursive: true });
  }
}

if (process.argv.includes('--baseline')) process.exitCode = build(baseline, '--exclude-source-info') ? 0 : 1;
else {
  const checks = [buf('lint'), buf('format', '-d', '--exit-code'), breaksNothing()];
  process.exitCode = checks.every((ok) => ok) ? 0 : 1;
}
