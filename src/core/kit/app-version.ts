/**
 * Reads "4.2.0" and what stores make of it: at most four numbers. A "v" before and a suffix behind do not count.
 * @returns a text that `<` compares by the numbers: "4.2" and "4.2.0" are equal; undefined for a text that is none
 */
export function versionOf(text: string): string | undefined {
  const [, numbers] = /^v?(\d{1,9}(?:\.\d{1,9}){0,3})(?:[-+ (].{0,100})?$/.exec(text) ?? [];
  return numbers && `${numbers}.0.0.0`.replace(/\d+/g, (number) => number.padStart(9, '0')).slice(0, 39);
}
