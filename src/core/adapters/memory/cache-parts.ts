import type { Meter } from '@opentelemetry/api';
import type { Clock } from '../../kit/clock.ts';
import { countInvalidations } from '../telemetry/count-invalidations.ts';
import { memoryCacheStore } from './cache-store.ts';
import { memoryTagVersions } from './tag-versions.ts';

/** What a cache of one replica is made of: the versions of tags live as long as the entries that have them. */
export function memoryCache({ bytesMax, clock, meter }: { readonly bytesMax: number; readonly clock: Clock; readonly meter?: Meter }) {
  const versions = memoryTagVersions({ clock });
  return { store: memoryCacheStore({ bytesMax, versions, meter }), versions: countInvalidations(versions, meter) };
}
