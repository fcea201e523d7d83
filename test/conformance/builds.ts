// Builds the foreign suites at their pinned versions: Connect's conformance suite, grpc-go's interop programs and h2spec from the Go module
// proxy, grpc-java's interop programs from Maven. What is built is kept in node_modules/.cache: the first run takes minutes, the next none.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { builtOnce } from '../support/built-once.ts';
import { needed, run } from '../support/programs/programs.ts';
import { goNeeded, javaNeeded, newEnough } from '../support/programs/toolchains.ts';

const root = resolve(import.meta.dirname, '../..');
/** The longest that a first build may take: it downloads modules. Milliseconds. */
const mostMs = 1_200_000;
const env = { GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly -buildvcs=false' };
const module = join(root, 'test/conformance/go');

export type GoPrograms = {
  /** Of connectconformance, referenceserver, referenceclient, h2spec, and of grpc-go's interop `client` and `server`. */
  program(name: string): string;
  /** FileDescriptorSets, of the pinned modules themselves, so that they are those of the programs. */
  readonly descriptors: { readonly connect: Uint8Array; readonly interop: Uint8Array };
};

export async function buildGoPrograms(): Promise<GoPrograms> {
  const go = needed('go', goNeeded);
  const version = await run(go, ['version'], { env });
  newEnough(version, /go(\d+)\.(\d+)/, [1, 26], goNeeded);
  const folder = await builtOnce('conformance/go', ['test/conformance/go'], version, async (to) => {
    const options = { cwd: module, env: { ...env, GOBIN: join(to, 'bin') }, mostMs };
    await run(go, ['install', 'tool', './descriptors'], options);
    const suite = (await run(go, ['list', '-m', '-f', '{{.Dir}}', 'connectrpc.com/conformance'], options)).trim();
    const protos = join(suite, 'proto');
    const service = join(protos, 'connectrpc/conformance/v1/service.proto');
    const set = ['build', protos, '--config', '{"version":"v2"}', '--path', service, '--as-file-descriptor-set', '-o', join(to, 'connect.binpb')];
    await run(join(root, 'node_modules/.bin/buf'), set, { mostMs });
    writeFileSync(join(to, 'interop.binpb'), Buffer.from(await run(join(to, 'bin/descriptors'), []), 'base64'));
  });
  const read = (name: string) => readFileSync(join(folder, name));
  return { program: (name) => join(folder, 'bin', name), descriptors: { connect: read('connect.binpb'), interop: read('interop.binpb') } };
}

/** @returns the class path of grpc-java's interop programs; undefined on a machine without a JDK or Maven */
export async function fetchJavaPrograms(): Promise<string | undefined> {
  const onPath = (name: string) => (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, name)));
  if (!onPath('mvn') || !onPath('java') || !onPath('javac')) return undefined;
  const version = await run('javac', ['-version']);
  newEnough(version, /javac (\d+)\.(\d+)/, [17, 0], javaNeeded);
  const folder = await builtOnce('conformance/java', ['test/conformance/java'], version, async (to) => {
    await run('mvn', ['--batch-mode', '--quiet', `-Dout=${to}`, '--file', join(root, 'test/conformance/java/pom.xml'), 'package'], { mostMs });
  });
  return join(folder, 'jars', '*');
}
