import { VersionVerdict } from '../../../gen/portico/v1/bootstrap.ts';
import { type AppVersion, isOlder, versionOf } from '../../kit/app-version.ts';

/** What operators have set for apps: versions by platform, and flags by name. `versionOf` reads each version. */
export type AppSettings = {
  readonly versions: Readonly<
    Record<string, { readonly least?: string | undefined; readonly advised?: string | undefined; readonly storeUrl?: string | undefined }>
  >;
  readonly flags: Readonly<
    Record<
      string,
      {
        readonly value?: string | undefined;
        readonly platforms: Readonly<Record<string, { readonly value: string; readonly least?: string | undefined }>>;
      }
    >
  >;
};

/** What an app says of itself: neither is verified, and "" is what it did not say. */
export type App = { readonly platform: string; readonly version: string };

/** What an app receives: whether its version is supported, where a newer one is, and the flags. */
export function settingsFor({ platform, version }: App, { versions, flags }: AppSettings) {
  const name = platform.toLowerCase();
  const own = versionOf(version);
  const ofPlatform = Object.hasOwn(versions, name) ? versions[name] : undefined;
  return {
    versionVerdict: ofPlatform === undefined || own === undefined ? VersionVerdict.VERSION_VERDICT_UNSPECIFIED : verdictOf(own, ofPlatform),
    storeUrl: ofPlatform?.storeUrl ?? '',
    flags: new Map(
      Object.entries(flags).flatMap(([flag, { value, platforms }]) => {
        const special = Object.hasOwn(platforms, name) ? platforms[name] : undefined;
        const applies = special !== undefined && (special.least === undefined || (own !== undefined && !isBelow(own, special.least)));
        const received = applies ? special.value : value;
        return received === undefined ? [] : [[flag, received] as const];
      }),
    ),
  };
}

function verdictOf(own: AppVersion, { least, advised }: AppSettings['versions'][string]): VersionVerdict {
  if (isBelow(own, least)) return VersionVerdict.VERSION_VERDICT_UPDATE_REQUIRED;
  return isBelow(own, advised) ? VersionVerdict.VERSION_VERDICT_UPDATE_ADVISED : VersionVerdict.VERSION_VERDICT_SUPPORTED;
}

function isBelow(own: AppVersion, bound: string | undefined): boolean {
  const version = bound === undefined ? undefined : versionOf(bound);
  return version !== undefined && isOlder(own, version);
}
