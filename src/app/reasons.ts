import type { StatusName } from '../core/kit/reasons.ts';

/** The company's own reasons with their gRPC status. A new line here is an API change. */
export const reasons = {
  ORDER_UNKNOWN: 'NOT_FOUND',
  PROFILE_UNKNOWN: 'NOT_FOUND',
} as const satisfies Record<string, StatusName>;
