// Makes dist/: the server as one file, with everything that it reads beside it. What the Dockerfile copies is this folder and nothing else.
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build, type Metafile } from 'esbuild';
import { refuseStale } from '../src/release/stale-generated-code.ts';

const root = resolve(import.meta.dirname, '..');
const dist = join(root, 'dist');
const main = join(dist, 'portico.mjs');

try {
  refuseStale(root);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(2);
}
rmSync(dist, { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: ['src/main.ts'],
  outfile: main,
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  // Names stay as they are written: a stack trace in a log has to be read by people. Spaces and syntax go, they only cost parsing.
  minifySyntax: true,
  minifyWhitespace: true,
  legalComments: 'none', // THIRD-PARTY-LICENSES.txt has them whole
  // Linked, for `node --enable-source-maps` and for reading a stack trace; without the text of the sources.
  sourcemap: 'linked',
  sourcesContent: false,
  // Dependencies in CommonJS ask for Node's own modules by require, which an ES module does not have.
  banner: { js: "import { createRequire as __createRequire } from 'node:module';\nconst require = __createRequire(import.meta.url);" },
  // pg looks for it and does without. The embedded database is for development: it is not in the bundle, and its worker says so when it is asked for.
  external: ['pg-native', '@electric-sql/*'],
  logLevel: 'warning',
  metafile: true,
});

copy('src/gen/descriptors.binpb');
for (const part of ['core', 'app']) {
  mkdirSync(join(dist, 'migrations', part), { recursive: true });
  for (const file of readdirSync(join(root, 'migrations', part))) if (file.endsWith('.sql')) copy(`migrations/${part}/${file}`);
}
copy('LICENSE');
const { name, version, license } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<string, string>;
writeFileSync(join(dist, 'package.json'), `${JSON.stringify({ name, version, license, type: 'module', private: true }, null, 2)}\n`);
writeFileSync(join(dist, 'THIRD-PARTY-LICENSES.txt'), licensesOf(metafile));
const code = readFileSync(main);
console.log(`dist/portico.mjs: ${kib(code.length)} KiB (${kib(gzipSync(code).length)} KiB as gzip); dist: ${kib(sizeOf(dist))} KiB`);

function copy(file: string): void {
  mkdirSync(resolve(dist, file, '..'), { recursive: true });
  copyFileSync(join(root, file), join(dist, file));
}

/** The licences of the packages whose code is in the bundle: most ask that their text goes along. */
function licensesOf({ outputs }: Metafile): string {
  const inputs = Object.values(outputs).flatMap((output) => Object.keys(output.inputs));
  const folders = new Set(inputs.flatMap((input) => /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? []));
  return [...folders]
    .sort()
    .map((folder) => {
      const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Record<string, string>;
      const files = readdirSync(join(root, folder)).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file));
      const texts = files.map((file) => readFileSync(join(root, folder, file), 'utf8').trim());
      return [`${manifest.name} ${manifest.version} (${manifest.license})`, ...texts].join('\n\n');
    })
    .join(`\n\n${'-'.repeat(80)}\n\n`)
    .concat('\n');
}

function sizeOf(path: string): number {
  if (!existsSync(path)) return 0;
  if (!statSync(path).isDirectory()) return statSync(path).size;
  return readdirSync(path).reduce((sum, entry) => sum + sizeOf(join(path, entry)), 0);
}

function kib(bytes: number): string {
  return (bytes / 1_024).toFixed(0);
}
