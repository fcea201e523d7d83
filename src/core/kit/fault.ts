import type { Metadata } from 'nice-grpc-common';

/** The names of the gRPC status codes (grpc/grpc, doc/statuscodes.md) with their numbers. */
export const statusCodes = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;
export type StatusName = keyof typeof statusCodes;

/**
 * Core's reasons with their gRPC status: UPPER_SNAKE, at most 63 characters (AIP-193). A new line here is an API
 * change. A company adds its own in src/app/reasons.ts.
 */
export const reasons = {
  CALL_CANCELLED: 'CANCELLED',
  CALL_MALFORMED: 'INVALID_ARGUMENT',
  CONTENT_TYPE_UNKNOWN: 'UNIMPLEMENTED',
  DEADLINE_EXCEEDED: 'DEADLINE_EXCEEDED',
  DEVICE_UNKNOWN: 'NOT_FOUND',
  DEV_IDENTITY_REFUSED: 'PERMISSION_DENIED',
  DISCONNECTED: 'ABORTED',
  DRAINING: 'UNAVAILABLE',
  ENCODING_MISSING: 'INTERNAL',
  ENCODING_UNKNOWN: 'UNIMPLEMENTED',
  HELLO_MISSING: 'INVALID_ARGUMENT',
  HTTP_VERSION_WRONG: 'UNIMPLEMENTED',
  IDENTITY_EXPIRED: 'UNAUTHENTICATED',
  IDENTITY_INVALID: 'UNAUTHENTICATED',
  INTERNAL: 'INTERNAL',
  ISSUER_UNAVAILABLE: 'UNAVAILABLE',
  MESSAGES_TOO_MANY: 'RESOURCE_EXHAUSTED',
  METADATA_TOO_LARGE: 'INTERNAL',
  METHOD_NOT_WATCHABLE: 'FAILED_PRECONDITION',
  METHOD_UNKNOWN: 'UNIMPLEMENTED',
  NONCE_INVALID: 'UNAUTHENTICATED',
  REFRESH_TOKEN_INVALID: 'UNAUTHENTICATED',
  REFRESH_TOKEN_REUSED: 'UNAUTHENTICATED',
  REQUEST_INVALID: 'INVALID_ARGUMENT',
  REQUEST_NOT_ONE: 'UNIMPLEMENTED',
  REQUEST_TOO_COMPLEX: 'INVALID_ARGUMENT',
  REQUEST_TOO_LARGE: 'RESOURCE_EXHAUSTED',
  SCOPE_MISSING: 'PERMISSION_DENIED',
  SERVICE_ONLY: 'PERMISSION_DENIED',
  SESSION_REVOKED: 'UNAUTHENTICATED',
  STORAGE_DOWN: 'UNAVAILABLE',
  STORE_DOWN: 'UNAVAILABLE',
  STREAMS_TOO_MANY: 'RESOURCE_EXHAUSTED',
  STREAM_DISPLACED: 'ABORTED',
  STREAM_IDLE: 'UNAVAILABLE',
  STREAM_SLOW: 'RESOURCE_EXHAUSTED',
  STREAM_UNKNOWN: 'NOT_FOUND',
  SUBSCRIPTIONS_TOO_MANY: 'RESOURCE_EXHAUSTED',
  TIMEOUT_MALFORMED: 'INVALID_ARGUMENT',
  TOKEN_EXPIRED: 'UNAUTHENTICATED',
  TOKEN_INVALID: 'UNAUTHENTICATED',
  TOKEN_MISSING: 'UNAUTHENTICATED',
  TOPIC_FORBIDDEN: 'PERMISSION_DENIED',
  TOPIC_UNKNOWN: 'NOT_FOUND',
  UPSTREAM_DATA_LOSS: 'DATA_LOSS',
  UPSTREAM_DOWN: 'UNAVAILABLE',
  UPSTREAM_FAILED: 'UNAVAILABLE',
  UPSTREAM_GARBAGE: 'INTERNAL',
  UPSTREAM_INTERNAL: 'INTERNAL',
  UPSTREAM_REFUSED: 'INTERNAL',
  UPSTREAM_TIMEOUT: 'UNAVAILABLE',
  UPSTREAM_UNKNOWN: 'UNKNOWN',
  VERB_WRONG: 'UNIMPLEMENTED',
} as const satisfies Record<string, StatusName>;
export type CoreReason = keyof typeof reasons;

/** One violated rule of the request. `field` is a path like `items[3].name`. */
export type Violation = { readonly field: string; readonly rule: string; readonly description: string };

/**
 * The options of a fault besides its reason and message. All of them are sent to the client as google.rpc details,
 * except `cause`.
 */
export type FaultDetails = {
  /**
   * ErrorInfo.metadata: every value that the message names. Keys are `[a-z][a-zA-Z0-9-_]{0,63}`; others, and entries
   * beyond eight, are omitted.
   */
  readonly metadata?: Readonly<Record<string, string>>;
  readonly violations?: readonly Violation[];
  /** RetryInfo: how long to wait before a retry, in whole milliseconds. */
  readonly retryAfterMs?: number;
  /** Metadata of an upstream that the policy lets pass: sent with the status. */
  readonly passed?: { readonly metadata: Metadata; readonly trailers: Metadata };
  /** Only ever logged. */
  readonly cause?: unknown;
};

/** An error that is meant for the app, which branches on `reason`. `message` is for its developers. */
export class Fault<Reason extends string = CoreReason> extends Error {
  readonly reason: Reason;
  readonly details: FaultDetails;
  constructor(reason: Reason, message: string, details: FaultDetails = {}) {
    const { stackTraceLimit } = Error;
    if (reason !== 'INTERNAL') Error.stackTraceLimit = 0; // a stack costs as much as a quarter of a refused call
    super(message, { cause: details.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.name = 'Fault';
    this.reason = reason;
    this.details = details;
  }
}
