import type { DescMethod } from '@bufbuild/protobuf';

export type CallKind = 'unary' | 'server_stream' | 'client_stream' | 'bidi_stream';

/**
 * Who may call: anyone; users with all the scopes (none: any signed-in user); internal services on the internal
 * listener.
 */
export type AccessPlan =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'user'; readonly scopes: readonly string[] }
  | { readonly kind: 'services' };

/**
 * A tag template: literal text, request fields by path (`order_id`, `order.id`), and claims of the caller (`sub`, or a
 * claim named in the cache's claims).
 */
export type Template = {
  readonly source: string;
  readonly parts: readonly ({ readonly text: string } | { readonly field: readonly string[] } | { readonly claim: string })[];
};

export type CachePlan = {
  readonly scope: 'shared' | 'user' | 'claims';
  /** With scope `claims`: the names, sorted. */
  readonly claims: readonly string[];
  readonly ttlMs: number;
  /** After `ttlMs`; 0: never. */
  readonly staleWhileRevalidateMs: number;
  /** After `ttlMs`; 0: never. */
  readonly staleIfErrorMs: number;
  /** Within `staleIfErrorMs` an old whole answer is better than a new one with parts missing. */
  readonly staleIfPartial: boolean;
  readonly tags: readonly Template[];
  /** Metadata keys, lower-case and sorted. */
  readonly vary: readonly string[];
  /** The shortest time between two computations for clients that watch. */
  readonly watchIntervalMs: number;
};

export type ForwardPlan = {
  readonly upstream: string;
  /** "/orders.v1.OrderService/CancelOrder" */
  readonly path: string;
  /** Metadata keys that are forwarded besides the standard ones. */
  readonly metadata: readonly string[];
  /** Metadata keys of the upstream's answer that reach the client. */
  readonly answerMetadata: readonly string[];
  /** Texts of statuses that are not meant for a client: `replace` them, or let them `pass`. */
  readonly texts: 'replace' | 'pass';
};

/** The enforced policy of one method: compiled at start, and read by every room. */
export type MethodPlan = {
  /** "app.v1.HomeService/GetHome" */
  readonly method: string;
  /** "/app.v1.HomeService/GetHome" */
  readonly path: string;
  readonly kind: CallKind;
  readonly descriptor: DescMethod;
  /** idempotency_level = NO_SIDE_EFFECTS */
  readonly safe: boolean;
  /** NO_SIDE_EFFECTS or IDEMPOTENT: a repeat is harmless. */
  readonly idempotent: boolean;
  readonly access: AccessPlan;
  /** Undefined: no limit of the server (streams by default). */
  readonly deadlineMs: number | undefined;
  /** The largest request message, in bytes. */
  readonly requestBytes: number;
  readonly cache: CachePlan | undefined;
  readonly invalidates: readonly Template[];
  /** With `invalidates`: older answers become stale instead of unusable. */
  readonly soft: boolean;
  /** With `invalidates`: for this long answers with its tags are not stored. 0: none. */
  readonly settleMs: number;
  /** Answered during maintenance, too. */
  readonly duringMaintenance: boolean;
  /** Answers apps that must be updated, too. */
  readonly outdatedApps: boolean;
  /** Of a stream form: the full name of the cached unary method, "app.v1.HomeService/GetHome". */
  readonly streamOf: string | undefined;
  readonly forward: ForwardPlan | undefined;
  /** True when the request type has protovalidate rules (deeply). */
  readonly validated: boolean;
  /** SHA-256 (hex) over the policy and the descriptors of request and response (deeply): part of every cache key. */
  readonly fingerprint: string;
  /** Names of the policy fields with default values, for `portico plan`. */
  readonly defaulted: readonly string[];
};

const kinds: Readonly<Record<DescMethod['methodKind'], CallKind>> = {
  unary: 'unary',
  server_streaming: 'server_stream',
  client_streaming: 'client_stream',
  bidi_streaming: 'bidi_stream',
};

/** The kind of a method's calls. */
export function callKindOf({ methodKind }: DescMethod): CallKind {
  return kinds[methodKind];
}
