import { isOutdated, ofPlatform, type VersionsByPlatform } from '../kit/app-version.ts';
import { Fault } from '../kit/fault.ts';
import { memo } from '../kit/memo.ts';
import type { Interceptor } from '../ports/call.ts';
import { refused } from './errors-to-status.ts';

/** Versions whose verdict is kept, and the longest of them in characters: apps say what they like. */
const [keptMax, keptLengthMax] = [1_000, 100];

/**
 * Refuses calls of apps whose version must be updated (APP_UPDATE_REQUIRED), with the place of the newest one. What an
 * app says of itself is not verified: this is for old apps, not against attackers, so an app that names no platform, or
 * no version that can be read, is served.
 */
export function refuseOutdatedApps(versions: VersionsByPlatform): Interceptor<unknown, unknown> {
  const verdicts = memo<{ readonly fault: Fault | undefined }>(keptMax, keptLengthMax);
  const isFree = Object.values(versions).every(({ least, blocked = [] }) => least === undefined && blocked.length === 0);
  return function refuseOutdatedApps(call, next) {
    if (isFree) return next(call);
    const [platform, version] = [call.metadata.get('app-platform'), call.metadata.get('app-version')];
    if (typeof platform !== 'string' || typeof version !== 'string') return next(call);
    const { fault } = verdicts(`${platform}\n${version}`, () => ({ fault: faultOf(versions, platform, version) }));
    return fault === undefined ? next(call) : refused(fault);
  };
}

function faultOf(versions: VersionsByPlatform, platform: string, version: string): Fault | undefined {
  const set = ofPlatform(versions, platform);
  if (set === undefined || !isOutdated(version, set)) return undefined;
  const { least, storeUrl } = set;
  const metadata = { version, ...(least !== undefined && { least }), ...(storeUrl !== undefined && { storeUrl }) };
  return new Fault('APP_UPDATE_REQUIRED', 'This version of the app is not supported any more: a newer one has to be installed.', { metadata });
}
