import { Metadata } from 'nice-grpc-common';
import { standardKeys } from '../policy/forward-policy.ts';
import type { CallMetadata } from '../ports/call.ts';
import type { ReceivedMetadata, UpstreamCall } from '../ports/upstream-transport.ts';

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

/** The metadata of an upstream that the policy lets pass. */
export function fromUpstream(received: ReceivedMetadata | undefined, keys: readonly string[]): Metadata {
  const metadata = Metadata();
  if (received === undefined) return metadata;
  for (const key of keys) {
    const values = received.getAll(key);
    if (values.length > 0) metadata.set(key, values as never);
  }
  return metadata;
}

/** The key with the tags of an internal service's answer, in initial metadata or trailers: "order:42, courier:7". */
const tagsKey = 'portico-tags';

const noTags: readonly string[] = [];
/**
 * The tags of an upstream's answer. The cache validates them when it stores the answer. The client never receives them.
 */
export function tagsFromUpstream(...all: readonly (ReceivedMetadata | undefined)[]): readonly string[] {
  const values = all.flatMap((metadata) => metadata?.getAll(tagsKey) ?? noTags);
  if (values.length === 0) return noTags; // the usual case
  const tags = values.flatMap((value) => String(value).split(','));
  return tags.map((tag) => tag.trim()).filter((tag) => tag !== '');
}
