import type { Cache } from '../cache/open-cache.ts';
import type { Authenticated, Decoded, Interceptor, Traced } from '../ports/call.ts';

/**
 * Answers calls of cached methods from the cache, and computes other answers once for all concurrent calls. Only for
 * plans with `cache`.
 */
export function cache({ answer }: Pick<Cache, 'answer'>): Interceptor<Authenticated & Decoded & Traced, unknown> {
  return (call, next) => answer(call, next);
}
