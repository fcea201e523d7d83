import { dirname } from 'node:path';

/** Test files that need a process of their own, and why. */
export const alone: ReadonlyMap<string, string> = new Map([]);

/** Files of a group: enough to share what it costs to begin, and few enough for groups to end at about the same time. */
const filesMax = 6;
/** Of tests beside the code, which mostly open nothing. */
const unitsMax = 20;

/** @returns the files by groups, those of a folder together; what takes longest comes first */
export function groupsOf(files: readonly string[]): readonly (readonly string[])[] {
  const folders = Map.groupBy(
    files.filter((file) => !alone.has(file)),
    (file) => (file.startsWith('src/') ? 'src' : dirname(file)),
  );
  const groups: string[][] = [...alone.keys()].filter((file) => files.includes(file)).map((file) => [file]);
  for (const [folder, own] of folders) {
    const count = Math.ceil(own.length / (folder === 'src' ? unitsMax : filesMax));
    // dealt out like cards: neighbours in the alphabet are alike, and cost alike
    for (let n = 0; n < count; n++) groups.push(own.toSorted().filter((_, i) => i % count === n));
  }
  return groups;
}
