import type { Metadata } from 'nice-grpc-common';
import type { CachePlan, MethodPlan } from '../kit/method-plan.ts';

/**
 * Adds what HTTP caches read: Cache-Control and Vary.
 * @param freshForMs undefined for what was not stored
 */
export type CacheControl = (metadata: Metadata, freshForMs: number | undefined) => void;

/**
 * `public` only where one answer is for everyone. A private answer in a client's own HTTP cache is one token's, lest
 * another account on that client reads it.
 */
export function cacheControlOf({ access }: MethodPlan, { scope, vary: keys }: CachePlan): CacheControl {
  const visibility = access.kind === 'anonymous' && scope === 'shared' ? 'public' : 'private';
  const vary = [...(visibility === 'private' ? ['authorization'] : []), ...keys].join(', ');
  return (metadata, freshForMs) => {
    const maxAge = Math.max(0, Math.floor((freshForMs ?? 0) / 1_000));
    metadata.set('cache-control', freshForMs === undefined ? 'no-store' : `${visibility}, max-age=${maxAge}`);
    if (vary !== '') metadata.set('vary', vary);
  };
}
