// Helm and the manifest checker, built by Go once and kept beside node_modules.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseAllDocuments } from 'yaml';

export const root = resolve(import.meta.dirname, '../..');
export const chart = join(root, 'helm/portico');
const cache = join(root, 'node_modules/.cache');
const helmVersion = 'v3.22.0';
/** The least that Chart.yaml asks for, and the one whose types test/chart/manifests reads with. */
export const kubeVersions = ['1.30.0', '1.37.0'] as const;

export type Manifest = { readonly kind: string; readonly metadata: Record<string, never> & { readonly name: string } } & Record<string, unknown>;
export type Rendered = { readonly text: string; readonly manifests: readonly Manifest[] };

function go(args: readonly string[], options: { readonly cwd: string; readonly bin?: string }): void {
  const env = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '', ...(options.bin === undefined ? {} : { GOBIN: options.bin }) };
  const { status, error, stderr } = spawnSync('go', args, { cwd: options.cwd, env, stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
  if (error !== undefined)
    throw new Error('The chart is tested with Helm, which Go builds: install Go 1.26 or newer (apt-get install golang), and try again.');
  if (status !== 0) throw new Error(`go ${args[0]} failed: ${stderr}`);
}

let helmPath: string | undefined;
function helmBinary(): string {
  if (helmPath !== undefined) return helmPath;
  const folder = join(cache, `helm-${helmVersion}`);
  if (!existsSync(join(folder, 'helm'))) {
    console.error(`Building Helm ${helmVersion} with Go: some minutes, once.`);
    mkdirSync(folder, { recursive: true });
    go(['install', '-trimpath', '-ldflags', '-s -w', `helm.sh/helm/v3/cmd/helm@${helmVersion}`], { cwd: cache, bin: folder });
  }
  helmPath = join(folder, 'helm');
  return helmPath;
}

let checkerPath: string | undefined;
function checker(): string {
  if (checkerPath !== undefined) return checkerPath;
  const source = join(import.meta.dirname, 'manifests');
  const hash = createHash('sha256');
  for (const file of ['main.go', 'types.go', 'go.mod', 'go.sum']) hash.update(readFileSync(join(source, file)));
  checkerPath = join(cache, `manifests-${hash.digest('hex').slice(0, 16)}`);
  mkdirSync(cache, { recursive: true });
  if (!existsSync(checkerPath)) go(['build', '-trimpath', '-ldflags', '-s -w', '-o', checkerPath, '.'], { cwd: source });
  return checkerPath;
}

/** @param args such as "lint" and its flags */
export function helm(...args: readonly string[]): { readonly code: number | null; readonly output: string } {
  const { status, stdout, stderr } = spawnSync(helmBinary(), args, { cwd: root, encoding: 'utf8' });
  return { code: status, output: `${stdout}${stderr}` };
}

export const valuesFile = (name: string) => join(import.meta.dirname, 'values', `${name}.yaml`);

export type RenderOptions = {
  /** Files of more values, each over those before it. */
  readonly over?: readonly string[];
  /** `--set`, such as "replicaCount=2": Helm guesses the type. */
  readonly sets?: readonly string[];
  /** `--set-string`. */
  readonly strings?: readonly string[];
  readonly kube?: string;
  readonly release?: string;
  readonly namespace?: string;
  /** The folder of the chart; unset: this one. */
  readonly chart?: string;
};

/** A set of values of values/. @throws Error with what Helm says when it does not accept them */
export function render(values: string, { over = [], ...options }: RenderOptions = {}): Rendered {
  return renderFiles([valuesFile(values), ...over], options);
}

/** Values files, each over those before it. @throws Error with what Helm says when it does not accept them */
export function renderFiles(
  files: readonly string[],
  { sets = [], strings = [], kube = kubeVersions[0], release = 'test', namespace = 'phones', chart: of = chart }: Omit<RenderOptions, 'over'> = {},
): Rendered {
  const args = [
    ...['template', release, of, '--namespace', namespace, '--kube-version', kube],
    ...files.flatMap((file) => ['-f', file]),
    ...sets.flatMap((set) => ['--set', set]),
    ...strings.flatMap((set) => ['--set-string', set]),
  ];
  const { status, stdout, stderr } = spawnSync(helmBinary(), args, { cwd: root, encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  const manifests = parseAllDocuments(stdout)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest): manifest is Manifest => manifest !== null);
  return { text: stdout, manifests };
}

/** Decodes into Kubernetes' own types, strictly. @throws Error naming the document and the field */
export function checkManifests(text: string): string {
  return execFileSync(checker(), { input: text, encoding: 'utf8' });
}
