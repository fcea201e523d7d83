/** Numbers, and what an app's version has behind them: "4.2.0", "v4.2", "4.2.0-beta.1", "4.2.0+77", "4.2.0 (1203)". */
const format = /^v?(\d{1,9}(?:\.\d{1,9}){0,3})([-+ (].{0,100})?$/;

/** A text that `<` compares by up to four numbers, of "4.2.0", "v4.2" or "4.2.0-beta". Undefined: it is none. */
export function versionOf(text: string): string | undefined {
  const numbers = format.exec(text)?.[1];
  return numbers && `${numbers}.0.0.0`.replace(/\d+/g, (number) => number.padStart(9, '0')).slice(0, 39);
}

/** What operators say of the versions of one platform's app. `versionOf` reads each. */
export type AppVersions = {
  readonly least?: string | undefined;
  readonly advised?: string | undefined;
  /** "4.2.0" is all builds of the version, "4.2.0+77" one of them, as is "4.2.0 (77)". */
  readonly blocked?: readonly string[] | undefined;
  readonly storeUrl?: string | undefined;
};
/** By platform, in lower case. */
export type VersionsByPlatform = Readonly<Record<string, AppVersions>>;

/** What is said of the platform that an app names. */
export function ofPlatform<T>(all: Readonly<Record<string, T>>, platform: string): T | undefined {
  const name = platform.toLowerCase();
  return Object.hasOwn(all, name) ? all[name] : undefined;
}

/** Whether an app must be updated: it is older than the least version, or its build is blocked. */
export function isOutdated(version: string, { least, blocked = [] }: AppVersions): boolean {
  const own = versionOf(version);
  if (own === undefined) return false;
  return (
    (least !== undefined && own < (versionOf(least) ?? '')) ||
    blocked.some((one) => own === versionOf(one) && ['', buildOf(version)].includes(buildOf(one)))
  );
}

/** What is behind the numbers: "+77" of "4.2.0+77" and of "4.2.0 (77)". */
function buildOf(text: string): string {
  return (format.exec(text)?.[2] ?? '').replace(/^ ?\((.*)\)$/, '+$1');
}
