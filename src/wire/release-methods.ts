import { readRelease } from '../release/release.ts';
import type { Settings } from '../settings.ts';
import { type Methods, methodsOf } from './methods.ts';
import { app, sample } from './sample-company.ts';

/**
 * The methods that a server of this release would answer, without opening any resource.
 * @param settings unset: all services, and upstream names are not checked
 */
export function releaseMethods(settings: Pick<Settings, 'app' | 'upstreams' | 'sample'> | undefined): Methods {
  if (settings === undefined) return methodsOf(readRelease(), app, { only: undefined, upstreams: undefined });
  const upstreams = new Set([...Object.keys(settings.upstreams), ...(settings.sample ? (sample?.names ?? []) : [])]);
  return methodsOf(readRelease(), app, { only: settings.app.services, upstreams });
}
