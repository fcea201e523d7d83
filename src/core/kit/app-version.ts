/** A text that `<` compares by up to four numbers, of "4.2.0", "v4.2" or "4.2.0-beta". Undefined: it is none. */
export function versionOf(text: string): string | undefined {
  const [, numbers] = /^v?(\d{1,9}(?:\.\d{1,9}){0,3})(?:[-+ (].{0,100})?$/.exec(text) ?? [];
  return numbers && `${numbers}.0.0.0`.replace(/\d+/g, (number) => number.padStart(9, '0')).slice(0, 39);
}
