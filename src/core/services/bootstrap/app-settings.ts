import { VersionVerdict } from '../../../gen/portico/v1/bootstrap.ts';
import { isOutdated, ofPlatform, type VersionsByPlatform, versionOf } from '../../kit/app-version.ts';

type Special = Readonly<Record<string, { readonly value: string; readonly least?: string | undefined }>>;
type Flag = { readonly value?: string | undefined; readonly platforms: Special };
/** What operators have set for apps: versions by platform, and flags by name. */
export type AppSettings = { readonly versions: VersionsByPlatform; readonly flags: Readonly<Record<string, Flag>> };

/** What an app receives for the platform and version that it names, "" if none: they are not verified. */
export function settingsFor({ platform, version }: { readonly platform: string; readonly version: string }, { versions, flags }: AppSettings) {
  const own = versionOf(version);
  const reaches = (bound: string | undefined) => bound === undefined || (own !== undefined && own >= (versionOf(bound) ?? ''));
  const set = ofPlatform(versions, platform);
  const verdict = () => {
    if (set === undefined || own === undefined) return VersionVerdict.VERSION_VERDICT_UNSPECIFIED;
    if (isOutdated(version, set)) return VersionVerdict.VERSION_VERDICT_UPDATE_REQUIRED;
    return reaches(set.advised) ? VersionVerdict.VERSION_VERDICT_SUPPORTED : VersionVerdict.VERSION_VERDICT_UPDATE_ADVISED;
  };
  const valueIn = ({ value, platforms }: Flag, other = ofPlatform(platforms, platform)) => (other && reaches(other.least) ? other.value : value);
  const received = Object.entries(flags).flatMap(([name, flag]) => [valueIn(flag) ?? []].flat().map((value) => [name, value] as const));
  const { least: leastVersion = '', advised: advisedVersion = '', blocked: blockedVersions = [], storeUrl = '' } = set ?? {};
  return { versionVerdict: verdict(), leastVersion, advisedVersion, blockedVersions: [...blockedVersions], storeUrl, flags: new Map(received) };
}
