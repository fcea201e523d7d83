import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { installPackage } from '../../../scripts/tied-process.ts';

/**
 * The path of a program of the distribution, which is installed where that is allowed.
 * @param name of the program, and of its package
 * @throws Error with the line to type
 */
export function installed(name: string): string {
  const find = () =>
    (process.env.PATH ?? '')
      .split(delimiter)
      .map((folder) => join(folder, name))
      .find((path) => existsSync(path));
  if (find() === undefined) installPackage(name, name, 'or put it on the PATH');
  return find() ?? name;
}
