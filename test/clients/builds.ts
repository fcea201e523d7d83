// Builds the clients of other languages. Their code is generated from our protos whenever those change;
// what is built is kept in node_modules/.cache, so that the next run is quick.
import { cpSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { builtOnce } from '../support/built-once.ts';
import { needed, run } from '../support/programs/programs.ts';
import { goNeeded, javaNeeded, newEnough } from '../support/programs/toolchains.ts';
import { root } from './script.ts';

const generator = join(root, 'node_modules/.bin/buf');
/** What the code of every client is generated from. */
const protos = ['proto/app', 'proto/portico/v1', 'third_party/buf'];
/** The longest that a first build may take: it downloads modules. Milliseconds. */
const mostMs = 540_000;

/** @param name a folder of test/clients */
function once(name: string, version: string, build: (folder: string) => Promise<void>): Promise<string> {
  return builtOnce(`clients/${name}`, [`test/clients/${name}`, ...protos], version, build);
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
