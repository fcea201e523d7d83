// Makes src/gen, test/fixture/gen and the descriptor sets from the .proto files, and the pages of docs/reference from what they describe.
// With --to DIR it writes there instead, for the test that compares.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { generatedList, listGenerated } from '../src/release/stale-generated-code.ts';
import { keepExact } from './correct-generated-code.ts';

const root = resolve(import.meta.dirname, '..');
const toIndex = process.argv.indexOf('--to');
/** Made aside first: a .proto file with a mistake in it leaves what was there, and one that was removed leaves nothing behind. */
const to = toIndex === -1 ? mkdtempSync(join(root, 'node_modules', '.generate-')) : resolve(String(process.argv[toIndex + 1]));
process.once('exit', () => {
  if (toIndex === -1) rmSync(to, { recursive: true, force: true });
});
const bin = join(root, 'node_modules', '.bin');
// The registry's plugins and Node come from node_modules/.bin, so that generation needs nothing but `npm install`.
const env = { ...process.env, PATH: `${bin}:${process.env.PATH ?? ''}` };
const buf = (...args: string[]) => execFileSync(join(bin, 'buf'), args, { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] });

const template = readFileSync(join(root, 'buf.gen.yaml'), 'utf8');
buf('generate', '--template', 'buf.gen.yaml', '-o', to);
// The tests' own protos use the same options; what they import of ours is generated beside them.
const fixtureTemplate = join(to, '.buf.gen.fixture.yaml');
writeFileSync(
  fixtureTemplate,
  template.replace(/inputs:\n(?: .*\n)+/, 'inputs:\n  - directory: test/fixture/proto\n').replace('out: src/gen', 'out: test/fixture/gen'),
);
buf('generate', '--template', fixtureTemplate, '-o', to);
for (const folder of ['src/gen', 'test/fixture/gen']) keepExact(join(to, folder));
rmSync(fixtureTemplate);

mkdirSync(join(to, 'src/gen'), { recursive: true });
// Source info is kept: policies report file, line and column from it.
const set = (target: string, ...paths: string[]) =>
  buf('build', '--as-file-descriptor-set', '-o', join(to, target), ...paths.flatMap((path) => ['--path', path]));
set('src/gen/descriptors.binpb', ...subfolders('proto', 'sample'), ...subfolders('proto/sample'), 'third_party/grpc', 'third_party/google');
set('test/fixture/gen/descriptors.binpb', 'test/fixture/proto/fixture', 'proto/portico', 'third_party/grpc', 'third_party/google');
set('test/fixture/gen/messages.binpb', 'test/fixture/proto/messages', 'proto/portico', 'third_party/grpc', 'third_party/google');

writeFileSync(join(to, generatedList), listGenerated(root, to));
if (toIndex === -1)
  for (const folder of ['src/gen', 'test/fixture/gen']) {
    rmSync(join(root, folder), { recursive: true, force: true });
    cpSync(join(to, folder), join(root, folder), { recursive: true });
  }

// A process of its own: it reads the code that was just made.
execFileSync(process.execPath, [join(root, 'scripts/docs.ts'), '--to', toIndex === -1 ? root : to], {
  cwd: root,
  env,
  stdio: ['ignore', 'inherit', 'inherit'],
});

function subfolders(folder: string, except?: string): string[] {
  if (!existsSync(join(root, folder))) return []; // the sample company was taken out
  return readdirSync(join(root, folder))
    .filter((name) => name !== except && !name.startsWith('.'))
    .map((name) => `${folder}/${name}`);
}
