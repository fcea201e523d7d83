// Prometheus' own checker of rules, built by Go once and kept beside node_modules.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';

const version = 'v0.316.0';
const folder = resolve(import.meta.dirname, '../../node_modules/.cache', `promtool-${version}`);

function built(): string {
  const file = join(folder, 'promtool');
  if (existsSync(file)) return file;
  console.error(`Building promtool ${version} with Go: some minutes, once.`);
  mkdirSync(folder, { recursive: true });
  const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '', GOBIN: folder };
  const args = ['install', '-trimpath', '-ldflags', '-s -w', `github.com/prometheus/prometheus/cmd/promtool@${version}`];
  const { status, error, stderr } = spawnSync('go', args, { env, stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
  if (error !== undefined)
    throw new Error('Alert rules are tested with promtool, which Go builds: install Go 1.26 or newer (apt-get install golang), and try again.');
  if (status !== 0) throw new Error(`go install failed: ${stderr}`);
  return file;
}

/** @param args such as "check", "rules" and a file */
export function promtool(...args: readonly string[]): { readonly code: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(built(), args, { encoding: 'utf8' });
  return { code: status, output: `${stdout}${stderr}` };
}
