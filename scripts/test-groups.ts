/** Files of a process: enough to share what it costs to begin, and few enough for processes to end at about the same time. */
const filesMax = 20;
/** Of tests beside the code, which mostly open nothing. */
const unitsMax = 40;

/** @returns the files by processes */
export function groupsOf(files: readonly string[]): readonly (readonly string[])[] {
  const { units = [], others = [] } = Object.groupBy(files, (file) => (file.startsWith('src/') ? 'units' : 'others'));
  return [...dealt(others, filesMax), ...dealt(units, unitsMax)];
}

/** Deals them out like cards: neighbours in the alphabet are alike, and cost alike. */
function dealt(files: readonly string[], most: number): readonly (readonly string[])[] {
  const count = Math.ceil(files.length / most);
  return Array.from({ length: count }, (_, n) => files.toSorted().filter((_, i) => i % count === n));
}
