// A clone of the project as it is now, committed or not, in a temporary folder, with our node_modules: for tests that follow the docs.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../../..');

/** @returns its folder, and a way to remove it */
export function cloneProject(): { readonly folder: string; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'portico-clone-'));
  for (const file of projectFiles()) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(join(root, file), join(folder, file));
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** Paths of all files that are, or would be, under version control. */
export function projectFiles(): readonly string[] {
  return projectFilesIn(root);
}

/** The same of another repository. */
export function projectFilesIn(folder: string): readonly string[] {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], { cwd: folder, encoding: 'utf8' });
  return listed.split('\0').filter((file) => file !== '' && existsSync(join(folder, file)));
}
