// Builds the clients of other languages. Their code is generated from our protos whenever those change;
// what is built is kept in node_modules/.cache, so that the next run is quick.
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { needed, run } from './programs.ts';
import { root } from './script.ts';

const cache = join(root, 'node_modules/.cache/clients');
const generator = join(root, 'node_modules/.bin/buf');
/** What the code of every client is generated from. */
const protos = ['proto/app', 'proto/portico/v1', 'third_party/buf'];
/** The longest that a first build may take: it downloads modules. Milliseconds. */
const mostMs = 540_000;

/** Builds into a folder of the cache, unless it holds the very same already. */
async function once(name: string, version: string, build: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(cache, name);
  const stamp = join(folder, 'made-of');
  const madeOf = hashOf([`test/clients/${name}`, ...protos], version);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === madeOf) return folder;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await build(folder);
  writeFileSync(stamp, madeOf);
  return folder;
}

function hashOf(folders: readonly string[], version: string): string {
  const hash = createHash('sha256').update(version);
  for (const folder of folders) {
    const files = readdirSync(join(root, folder), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    for (const path of files.map((file) => join(file.parentPath, file.name)).sort()) hash.update(path.slice(root.length)).update(readFileSync(path));
  }
  return hash.digest('hex');
}

/** Builds the Go client, and grpcurl with it. @returns the folder of their programs: `phone`, `grpcurl` */
export async function buildGo(): Promise<string> {
  const go = needed('go', 'Go 1.26 or newer, with `go` on PATH.');
  const env = { GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly -buildvcs=false' };
  const folder = await once('go', await run(go, ['version'], { env }), async (to) => {
    cpSync(join(root, 'test/clients/go'), to, { recursive: true });
    const bin = join(to, 'bin');
    await run(go, ['install', 'tool'], { cwd: to, env: { ...env, GOBIN: bin }, mostMs });
    const paths = protos.flatMap((path) => ['--path', path]);
    const withPlugins = { PATH: `${bin}${delimiter}${process.env.PATH}` };
    await run(generator, ['generate', '--template', join(to, 'buf.gen.yaml'), '-o', to, ...paths], { env: withPlugins, mostMs });
    await run(go, ['build', '-o', join(bin, 'phone'), '.'], { cwd: to, env, mostMs });
  });
  return join(folder, 'bin');
}

/** Builds the Java client. @returns its jar, with those that it needs beside it */
export async function buildJava(): Promise<string> {
  const java = needed('java', 'apt-get install -y openjdk-17-jdk-headless');
  needed('javac', 'apt-get install -y openjdk-17-jdk-headless');
  const maven = needed('mvn', 'apt-get install -y maven');
  const folder = await once('java', await run(java, ['--version']), async (to) => {
    await run(maven, ['--batch-mode', '--quiet', `-Dout=${to}`, '--file', join(root, 'test/clients/java/pom.xml'), 'package'], { mostMs });
  });
  return join(folder, 'clients.jar');
}
