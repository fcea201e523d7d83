/**
 * Reads "4.2.0", and what stores and build tools make of it: at most four numbers, a "v" before and a suffix behind.
 * A suffix does not count, because each store numbers builds in its own way: "4.2.0-beta.1+77" is 4.2.0.
 * @returns its four numbers: "4.2" is [4, 2, 0, 0]; undefined for a text that is none
 */
export function versionOf(text: string): readonly number[] | undefined {
  const [, numbers] = /^v?(\d{1,9}(?:\.\d{1,9}){0,3})(?:[-+ (].{0,100})?$/.exec(text) ?? [];
  return numbers === undefined ? undefined : `${numbers}.0.0.0`.split('.', 4).map(Number);
}

/** Whether a version comes before another one. Both are of `versionOf`. */
export function isOlder(version: readonly number[], than: readonly number[]): boolean {
  const i = version.findIndex((number, at) => number !== than[at]);
  return i !== -1 && Number(version[i]) < Number(than[i]);
}
