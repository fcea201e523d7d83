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

const goNeeded = 'Go 1.26 or newer, with `go` on PATH.';
const javaNeeded = 'a JDK of 17 or newer: apt-get install -y openjdk-17-jdk-headless';

/** @throws Error that says what to install, when a toolchain is too old */
function newEnough(said: string, pattern: RegExp, [major, minor]: readonly [number, number], install: string): void {
  const [, foundMajor = 0, foundMinor = 0] = (pattern.exec(said) ?? []).map(Number);
  if (foundMajor > major || (foundMajor === major && foundMinor >= minor)) return;
  throw new Error(`"${said.trim()}" is too old for the clients. Install ${install}`);
}

/** Builds the Go client, and grpcurl with it. @returns the folder of their programs: `client`, `grpcurl` */
export async function buildGo(): Promise<string> {
  const go = needed('go', goNeeded);
  const env = { GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly -buildvcs=false' };
  const version = await run(go, ['version'], { env });
  newEnough(version, /go(\d+)\.(\d+)/, [1, 26], goNeeded);
  const folder = await once('go', version, async (to) => {
    cpSync(join(root, 'test/clients/go'), to, { recursive: true });
    const bin = join(to, 'bin');
    await run(go, ['install', 'tool'], { cwd: to, env: { ...env, GOBIN: bin }, mostMs });
    const paths = protos.flatMap((path) => ['--path', path]);
    const withPlugins = { PATH: `${bin}${delimiter}${process.env.PATH}` };
    await run(generator, ['generate', '--template', join(to, 'buf.gen.yaml'), '-o', to, ...paths], { env: withPlugins, mostMs });
    await run(go, ['build', '-o', join(bin, 'client'), '.'], { cwd: to, env, mostMs });
  });
  return join(folder, 'bin');
}

/** Builds the Java client. @returns its jar, with those that it needs beside it */
export async function buildJava(): Promise<string> {
  needed('java', javaNeeded);
  const maven = needed('mvn', 'apt-get install -y maven');
  const version = await run(needed('javac', javaNeeded), ['-version']);
  newEnough(version, /javac (\d+)\.(\d+)/, [17, 0], javaNeeded);
  const folder = await once('java', version, async (to) => {
    await run(maven, ['--batch-mode', '--quiet', `-Dout=${to}`, '--file', join(root, 'test/clients/java/pom.xml'), 'package'], { mostMs });
  });
  return join(folder, 'clients.jar');
}
