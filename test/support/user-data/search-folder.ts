import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Where marks are in a folder: in the names of files and in their bytes. */
export function marksInFolder(folder: string, marks: readonly string[]): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).flatMap((name) => {
    const file = join(folder, name);
    const content = statSync(file).isFile() ? readFileSync(file) : Buffer.alloc(0);
    return marks.filter((mark) => name.includes(mark) || content.includes(mark)).map((mark) => `${mark} in ${name}`);
  });
}
