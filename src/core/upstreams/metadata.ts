import { Metadata as GrpcMetadata } from '@grpc/grpc-js';
import { Metadata } from 'nice-grpc-common';
import type { CallMetadata } from '../ports/call.ts';

/** What a client sends that every upstream may see. */
export const standardKeys = ['accept-language', 'app-platform', 'app-version', 'idempotency-key'] as const;

/** Of one hop, or of the server itself: never handed on, in neither direction. */
const hop =
  /^(:|grpc-(?!status-details-bin$)|portico-|x-forwarded-|(connection|content-type|content-length|content-encoding|te|transfer-encoding|keep-alive|upgrade|user-agent|date|authorization|set-cookie|host)$)/;

/** What an upstream sent, without what belongs to its connection; nothing of an answer that is no gRPC, such as a proxy's error page. */
export function fromUpstream(metadata: GrpcMetadata): Metadata {
  const copy = Metadata();
  const contentType = metadata.get('content-type')[0]; // trailers have none
  if (contentType !== undefined && !String(contentType).startsWith('application/grpc')) return copy;
  for (const key of Object.keys(metadata.getMap())) {
    if (!hop.test(key)) copy.set(key, metadata.get(key) as never);
  }
  return copy;
}

/** What is sent to an upstream: the allowed keys of the client, the trace, and the token that says who calls. */
export function toUpstream(from: CallMetadata, keys: readonly string[], traceparent: string, token: string): GrpcMetadata {
  const metadata = new GrpcMetadata();
  for (const key of keys) for (const value of from.getAll(key)) metadata.add(key, typeof value === 'string' ? value : Buffer.from(value));
  if (traceparent !== '') metadata.set('traceparent', traceparent);
  metadata.set('authorization', `Bearer ${token}`);
  return metadata;
}

/** By which an internal service says what its answer is about, as initial metadata or trailers: "order:42, courier:7". */
const tagsKey = 'portico-tags';

const noTags: readonly string[] = [];
/** The tags of an upstream's answer. Whether each can be a tag is judged where answers are stored; the client never sees them. */
export function tagsFromUpstream(...all: readonly GrpcMetadata[]): readonly string[] {
  const values = all.flatMap((metadata) => metadata.get(tagsKey));
  if (values.length === 0) return noTags; // as nearly always
  const tags = values.flatMap((value) => String(value).split(','));
  return tags.map((tag) => tag.trim()).filter((tag) => tag !== '');
}
