// The .proto files of test/policy/cases, built once: each has policies that contradict something, and at its end, in a comment, what the compiler says of them.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Sources } from '../../src/core/policy/policy-errors.ts';

const root = resolve(import.meta.dirname, '../..');
const folder = 'test/policy/cases';

/** After this line everything is what the case says, behind `// `. */
const opening = '\n// says:\n';

export type Case = { readonly name: string; readonly says: string };

/** @returns every case with what it should say, by name */
export function readCases(): readonly Case[] {
  return readdirSync(join(root, folder))
    .filter((file) => file.endsWith('.proto'))
    .sort()
    .map((file) => {
      const text = readFileSync(join(root, folder, file), 'utf8').replaceAll('\r\n', '\n');
      const [, says] = text.trimEnd().split(opening);
      if (says === undefined) throw new Error(`${folder}/${file} does not end with what it says.`);
      return { name: file.slice(0, -'.proto'.length), says: says.replace(/^\/\/ ?/gm, '') };
    });
}

/** Builds all cases in one run of buf. @returns a google.protobuf.FileDescriptorSet with source info */
export function buildCases(): Uint8Array {
  const config = JSON.stringify({
    version: 'v2',
    modules: [{ path: 'proto', includes: ['proto/portico'] }, { path: 'third_party' }, { path: folder }],
  });
  return execFileSync(join(root, 'node_modules/.bin/buf'), ['build', '--config', config, '--as-file-descriptor-set', '-o', '-#format=binpb'], {
    cwd: root,
    maxBuffer: 1 << 26,
  });
}

/** The text of a case, for its carets. */
export const caseSources: Sources = (file) => {
  const path = join(folder, file);
  return { path, text: readFileSync(join(root, path), 'utf8') };
};
