import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The list beside the generated code: hashes of its sources and of its files, in the format of `sha256sum`.
 * `npm run generate` writes it last.
 */
export const generatedList = 'src/gen/sources.sha256';

const sources = ['proto', 'third_party'];
const products = ['src/gen'];

/**
 * The lines of the list.
 * @param root the folder with the .proto files
 * @param made the folder with the generated files
 */
export function listGenerated(root: string, made: string): string {
  const protos = sources.flatMap((folder) => filesIn(root, folder)).filter((file) => file.endsWith('.proto'));
  const code = products.flatMap((folder) => filesIn(made, folder)).filter((file) => file !== generatedList);
  const lines = [...protos.map((file) => [file, root] as const), ...code.map((file) => [file, made] as const)]
    .map(([file, folder]) => `${hashOf(join(folder, file))}  ${file}`)
    .sort((a, b) => (a.slice(hashLength) < b.slice(hashLength) ? -1 : 1));
  return `${lines.join('\n')}\n`;
}

/**
 * Refuses to enforce outdated policies: .proto files were changed, added or removed after the code and the descriptors
 * were generated.
 * @param folder of the release; a folder without .proto files, such as that of the bundle, cannot differ
 * @throws Error naming the files
 */
export function refuseStale(folder: string): void {
  if (!existsSync(join(folder, 'proto'))) return;
  const file = join(folder, generatedList);
  if (!existsSync(file)) throw new Error(`${generatedList} is missing: run \`npm run generate\`.`);
  const differing = differences(readFileSync(file, 'utf8'), listGenerated(folder, folder));
  if (differing.length === 0) return;
  const shown = differing.slice(0, shownMax);
  const more = differing.length > shown.length ? [`… and ${differing.length - shown.length} more`] : [];
  throw new Error(
    `The generated code is not that of the .proto files: run \`npm run generate\`. Until then the old policies would be enforced.\n${[...shown, ...more].map((line) => `  ${line}`).join('\n')}`,
  );
}

const shownMax = 10;
const hashLength = 64;

function differences(before: string, now: string): readonly string[] {
  const [known, found] = [entriesOf(before), entriesOf(now)];
  const changed = [...found].flatMap(([file, hash]) => {
    const old = known.get(file);
    if (old === hash) return [];
    return [`${file} ${old === undefined ? 'is new' : file.endsWith('.proto') ? 'was changed' : 'is not what was made'}`];
  });
  return [...changed, ...[...known.keys()].filter((file) => !found.has(file)).map((file) => `${file} was removed`)];
}

function entriesOf(list: string): ReadonlyMap<string, string> {
  return new Map(
    list
      .split(/\r?\n/)
      .filter((line) => line !== '')
      .map((line) => [line.slice(hashLength).trim(), line.slice(0, hashLength)]),
  );
}

/** Windows line ends, which git may insert, do not change a text. */
function hashOf(path: string): string {
  const bytes = readFileSync(path);
  const isText = /\.(proto|ts)$/.test(path) && bytes.includes('\r\n');
  const content = isText ? Buffer.from(bytes.toString('latin1').replaceAll('\r\n', '\n'), 'latin1') : bytes;
  return createHash('sha256').update(content).digest('hex');
}

/** Relative to `root`, with `/`. */
function filesIn(root: string, folder: string): readonly string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.name.startsWith('.')) return [];
    return entry.isDirectory() ? filesIn(root, path) : [path];
  });
}
