/** The numbers of a version of an app, such as [4, 2, 0]. */
export type AppVersion = readonly number[];

/**
 * Reads "4.2.0", and what stores and build tools make of it: at most four numbers, a "v" before and a suffix behind.
 * A suffix does not count, because stores number builds each in their own way: "4.2.0-beta.1+77" is 4.2.0.
 * @returns undefined for a text that is none
 */
export function versionOf(text: string): AppVersion | undefined {
  const [, numbers] = /^v?(\d{1,9}(?:\.\d{1,9}){0,3})(?:[-+ (].{0,100})?$/.exec(text) ?? [];
  return numbers?.split('.').map(Number);
}

/** Whether a version comes before another one. Numbers that are not there count as 0: "4.2" is "4.2.0". */
export function isOlder(version: AppVersion, than: AppVersion): boolean {
  for (let i = 0; i < Math.max(version.length, than.length); i++) {
    const [one, other] = [version[i] ?? 0, than[i] ?? 0];
    if (one !== other) return one < other;
  }
  return false;
}
