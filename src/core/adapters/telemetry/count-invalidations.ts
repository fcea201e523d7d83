import type { Meter } from '@opentelemetry/api';
import type { TagVersions } from '../../ports/tag-versions.ts';

/** The same versions; counts the tags that this replica raises, also in vain. */
export function countInvalidations<Versions extends TagVersions>(versions: Versions, meter: Meter | undefined): Versions {
  const raised = meter?.createCounter('portico.cache.invalidations', { description: 'Tags that this replica was to invalidate.' });
  if (raised === undefined) return versions;
  return {
    ...versions,
    raise: (tags, options) => {
      raised.add(tags.length);
      return versions.raise(tags, options);
    },
  };
}
