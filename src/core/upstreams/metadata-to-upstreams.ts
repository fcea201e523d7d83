import { standardKeys } from '../policy/forward-policy.ts';
import type { CallMetadata } from '../ports/call.ts';
import type { UpstreamCall } from '../ports/upstream-transport.ts';

/**
 * Metadata for an upstream: the standard keys of the client and those that the policy allows, the trace, and the token
 * that names the caller.
 */
export function toUpstream(from: CallMetadata, keys: readonly string[], trace: UpstreamCall['metadata'], token: string): UpstreamCall['metadata'] {
  const metadata: [string, string | Uint8Array][] = [];
  for (const key of standardKeys) for (const value of from.getAll(key)) metadata.push([key, value]);
  for (const key of keys) for (const value of from.getAll(key)) metadata.push([key, value]);
  for (const [key, value] of trace) metadata.push([key, value]);
  metadata.push(['authorization', `Bearer ${token}`]);
  return metadata;
}
