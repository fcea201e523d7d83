import { VersionVerdict } from '../../../gen/portico/v1/bootstrap.ts';
import { versionOf } from '../../kit/app-version.ts';

type Versions = { readonly least?: string | undefined; readonly advised?: string | undefined; readonly storeUrl?: string | undefined };
type Special = Readonly<Record<string, Pick<Versions, 'least'> & { readonly value: string }>>;
type Flag = { readonly value?: string | undefined; readonly platforms: Special };
/** What operators have set for apps: versions by platform, and flags by name. `versionOf` reads each version. */
export type AppSettings = { readonly versions: Readonly<Record<string, Versions>>; readonly flags: Readonly<Record<string, Flag>> };

/** What an app receives for the platform and version that it names, "" if none: they are not verified. */
export function settingsFor(app: { readonly platform: string; readonly version: string }, { versions, flags }: AppSettings) {
  const own = versionOf(app.version);
  const ofPlatform = <T>(all: Readonly<Record<string, T>>) => new Map(Object.entries(all)).get(app.platform.toLowerCase());
  const reaches = (bound: string | undefined) => bound === undefined || (own !== undefined && own >= (versionOf(bound) ?? ''));
  const set = ofPlatform(versions);
  const verdict = () => {
    if (set === undefined || own === undefined) return VersionVerdict.VERSION_VERDICT_UNSPECIFIED;
    if (!reaches(set.least)) return VersionVerdict.VERSION_VERDICT_UPDATE_REQUIRED;
    return reaches(set.advised) ? VersionVerdict.VERSION_VERDICT_SUPPORTED : VersionVerdict.VERSION_VERDICT_UPDATE_ADVISED;
  };
  const valueIn = ({ value, platforms }: Flag, other = ofPlatform(platforms)) => (other && reaches(other.least) ? other.value : value);
  const received = Object.entries(flags).flatMap(([name, flag]) => [valueIn(flag) ?? []].flat().map((value) => [name, value] as const));
  return { versionVerdict: verdict(), storeUrl: set?.storeUrl ?? '', flags: new Map(received) };
}
