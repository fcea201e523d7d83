// A copy of the project in which something is taken out: what looks for faults must find that it is missing.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from '../programs/programs.ts';
import { cloneProject } from './clone.ts';

/** Code that the file has once, and what stands in its place. */
export type Change = readonly [file: string, code: string, instead: string];

/** A copy of the project with changes, removed when it is disposed of. */
export function changedClone(changes: readonly Change[]): Disposable & { readonly folder: string } {
  using opening = new DisposableStack();
  const { folder, remove } = cloneProject();
  opening.defer(remove);
  for (const [file, code, instead] of changes) {
    const text = readFileSync(join(folder, file), 'utf8');
    assert.equal(text.split(code).length, 2, `${file} has "${code}" once`);
    writeFileSync(
      join(folder, file),
      text.replace(code, () => instead),
    );
  }
  const opened = opening.move();
  return { folder, [Symbol.dispose]: () => opened.dispose() };
}

/** Makes changes to a copy of the project, and runs Node there. @returns what it printed */
export async function runChanged(changes: readonly Change[], args: (folder: string) => readonly string[], mostMs = 300_000): Promise<string> {
  using clone = changedClone(changes);
  const command = ['-u', 'NODE_TEST_CONTEXT', process.execPath, ...args(clone.folder)]; // it is no part of this test run
  const { stdout } = await attempt('env', command, { cwd: clone.folder, mostMs });
  return stdout;
}
