import { Metadata } from 'nice-grpc-common';
import type { ReceivedMetadata } from '../ports/upstream-transport.ts';

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
