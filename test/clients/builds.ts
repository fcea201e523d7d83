// Builds the clients of other languages. Their code is generated from our protos whenever those change;
// what is built is kept in node_modules/.cache, so that the next run is quick.
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { builtOnce } from '../support/built-once.ts';
import { blocksOf } from '../support/client/page.ts';
import { needed, run } from '../support/programs/programs.ts';
import { goNeeded, javaNeeded, newEnough } from '../support/programs/toolchains.ts';
import { root } from './script.ts';

const generator = join(root, 'node_modules/.bin/buf');
/** What the code of every client is generated from. */
const protos = ['proto/app', 'proto/portico', 'proto/sample/promotions', 'third_party/buf'];
/** Its examples are built with the clients. */
const page = join(root, 'docs/operating/publish-from-your-service.md');
/** The longest that a first build may take: it downloads modules. Milliseconds. */
const mostMs = 540_000;

/** @param name a folder of test/clients */
function once(name: string, version: string, build: (folder: string) => Promise<void>): Promise<string> {
  return builtOnce(`clients/${name}`, [`test/clients/${name}`, ...protos], version + readFileSync(page, 'utf8'), build);
}

/** Writes an example of the page to a folder. @returns its path */
export function example(file: string, folder: string): string {
  const text = blocksOf(page).find((block) => block.file === file)?.text;
  if (text === undefined) throw new Error(`${page} has no example ${file}.`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, file), text);
  return join(folder, file);
}

/** Builds the Go client, and grpcurl with it. @returns the folder of their programs: `client`, `grpcurl` */
export async function buildGo(): Promise<string> {
  const go = needed('go', goNeeded);
  const env = { GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly -buildvcs=false' };
  const version = await run(go, ['version'], { env });
  newEnough(version, /go(\d+)\.(\d+)/, [1, 26], goNeeded);
  const folder = await once('go', version, async (to) => {
    cpSync(join(root, 'test/clients/go'), to, { recursive: true });
    example('changes.go', join(to, 'changes'));
    const template = example('buf.gen.yaml', to);
    const bin = join(to, 'bin');
    await run(go, ['install', 'tool'], { cwd: to, env: { ...env, GOBIN: bin }, mostMs });
    const paths = protos.flatMap((path) => ['--path', path]);
    const withPlugins = { PATH: `${bin}${delimiter}${process.env.PATH}` };
    await run(generator, ['generate', '--template', template, '-o', to, ...paths], { env: withPlugins, mostMs });
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
    const project = join(to, 'project');
    cpSync(join(root, 'test/clients/java'), project, { recursive: true });
    for (const file of ['Changes.java', 'AnswersAbout.java']) example(file, join(project, 'src/main/java/orders'));
    const places = { out: to, protos: join(root, 'proto'), vendored: join(root, 'third_party') };
    const defined = Object.entries(places).map(([name, path]) => `-D${name}=${path}`);
    await run(maven, ['--batch-mode', '--quiet', ...defined, '--file', join(project, 'pom.xml'), 'package'], { mostMs });
  });
  return join(folder, 'clients.jar');
}
