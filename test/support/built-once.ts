// What takes long to build is built once, and kept in node_modules/.cache until what it is made of changes.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');

/**
 * Builds into a folder of the cache, unless it holds the very same already.
 * @param name of that folder, below node_modules/.cache
 * @param madeOf folders of the repository whose files it is built from
 * @param version of the tool that builds it
 * @returns the folder
 */
export async function builtOnce(name: string, madeOf: readonly string[], version: string, build: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(root, 'node_modules/.cache', name);
  const stamp = join(folder, 'made-of');
  const hash = hashOf(madeOf, version);
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return folder;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  await build(folder);
  writeFileSync(stamp, hash);
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
