import { dirname } from 'node:path';

/** Files of a group: enough to share what it costs to begin, and few enough for groups to end at about the same time. */
const filesMax = 6;
/** Of tests beside the code, which mostly open nothing. */
const unitsMax = 20;

/** @returns the files by groups, those of a folder together */
export function groupsOf(files: readonly string[]): readonly (readonly string[])[] {
  const folders = Map.groupBy(files, (file) => (file.startsWith('src/') ? 'src' : dirname(file)));
  return [...folders].flatMap(([folder, own]) => {
    const count = Math.ceil(own.length / (folder === 'src' ? unitsMax : filesMax));
    // dealt out like cards: neighbours in the alphabet are alike, and cost alike
    return Array.from({ length: count }, (_, n) => own.toSorted().filter((_, i) => i % count === n));
  });
}
