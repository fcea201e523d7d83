import { VersionVerdict } from '../../../gen/portico/v1/bootstrap.ts';
import { isOlder, versionOf } from '../../kit/app-version.ts';

type Versions = { readonly least?: string | undefined; readonly advised?: string | undefined; readonly storeUrl?: string | undefined };
type OfPlatform = { readonly value: string; readonly least?: string | undefined };
type Flag = { readonly value?: string | undefined; readonly platforms: Readonly<Record<string, OfPlatform>> };
/** What operators have set for apps: versions by platform, and flags by name. `versionOf` reads each version. */
export type AppSettings = { readonly versions: Readonly<Record<string, Versions>>; readonly flags: Readonly<Record<string, Flag>> };

/** What an app receives for the platform and version that it names, "" if none: they are not verified. */
export function settingsFor(app: { readonly platform: string; readonly version: string }, { versions, flags }: AppSettings) {
  const [platform, own] = [app.platform.toLowerCase(), versionOf(app.version)];
  const isBelow = (bound: string | undefined) => own !== undefined && bound !== undefined && isOlder(own, versionOf(bound) ?? []);
  const set = Object.hasOwn(versions, platform) ? versions[platform] : undefined;
  const valueOf = ({ value, platforms }: Flag) => {
    const special = Object.hasOwn(platforms, platform) ? platforms[platform] : undefined;
    const isUnknown = special?.least !== undefined && own === undefined;
    return special === undefined || isUnknown || isBelow(special.least) ? value : special.value;
  };
  const verdict = () => {
    if (set === undefined || own === undefined) return VersionVerdict.VERSION_VERDICT_UNSPECIFIED;
    if (isBelow(set.least)) return VersionVerdict.VERSION_VERDICT_UPDATE_REQUIRED;
    return isBelow(set.advised) ? VersionVerdict.VERSION_VERDICT_UPDATE_ADVISED : VersionVerdict.VERSION_VERDICT_SUPPORTED;
  };
  const received = Object.entries(flags).flatMap(([name, flag]) => (valueOf(flag) === undefined ? [] : [[name, String(valueOf(flag))] as const]));
  return { versionVerdict: verdict(), storeUrl: set?.storeUrl ?? '', flags: new Map(received) };
}
