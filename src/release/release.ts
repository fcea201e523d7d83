import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createFileRegistry, type FileRegistry, fromBinary } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import type { Sources } from '../core/policy/policy-errors.ts';
import { refuseStale } from './stale-generated-code.ts';

/** The parts of a release besides its code: descriptors, migrations, and in a clone the .proto files. */
export type Release = {
  readonly version: string;
  readonly descriptorSet: Uint8Array;
  readonly sources: Sources;
  readonly migrationsFolder: string;
};

const descriptors = join('src', 'gen', 'descriptors.binpb');

/** The folder of this release: a clone, or the folder of the bundle. */
export function releaseFolder(): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, descriptors))) {
    if (dirname(folder) === folder) throw new Error(`${descriptors} is missing: run \`npm run generate\`.`);
    folder = dirname(folder);
  }
  return folder;
}

/** The version of package.json. */
export function releaseVersion(folder = releaseFolder()): string {
  return (JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { readonly version: string }).version;
}

export function releaseMigrations(folder = releaseFolder()): string {
  return join(folder, 'migrations');
}

/** Reads the release of a folder. @throws Error when its generated code does not match its .proto files */
export function readRelease(folder = releaseFolder()): Release {
  refuseStale(folder);
  return {
    version: releaseVersion(folder),
    descriptorSet: readFileSync(join(folder, descriptors)),
    sources: protoSources(folder, ['proto', 'proto/sample', 'third_party']),
    migrationsFolder: releaseMigrations(folder),
  };
}

/**
 * The text of .proto files, for the carets of policy errors; a bundle has none.
 * @param modules folders with .proto files, relative to `folder`
 */
export function protoSources(folder: string, modules: readonly string[]): Sources {
  return (file) => {
    for (const module of modules) {
      const path = join(module, file);
      if (existsSync(join(folder, path))) return { path, text: readFileSync(join(folder, path), 'utf8') };
    }
    return undefined;
  };
}

const registries = new WeakMap<Uint8Array, FileRegistry>();

/** @returns for the same bytes the same types: what is compiled for a type holds for all servers of a process */
export function typesOf(descriptorSet: Uint8Array): FileRegistry {
  const registry = registries.get(descriptorSet) ?? createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptorSet));
  registries.set(descriptorSet, registry);
  return registry;
}
