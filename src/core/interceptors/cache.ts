import type { Cache } from '../cache/cache.ts';
import type { Authenticated, Decoded, Interceptor, Traced } from '../ports/call.ts';

/** Answers calls of cached methods from what is remembered, and lets the rest be computed once for all who ask. Only for plans with `cache`. */
export function cache({ answer }: Pick<Cache, 'answer'>): Interceptor<Authenticated & Decoded & Traced, unknown> {
  return (call, next) => answer(call, next);
}
