import type { Metadata } from 'nice-grpc-common';
import type { CoreReason } from './reasons.ts';

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
  /** LocalizedMessage by language tag, in place of the reason's own texts where one of them fits. */
  readonly texts?: Readonly<Record<string, string>>;
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

/** A rule of one field that its .proto cannot say. */
export function ruleBroken(field: string, description: string, cause?: unknown): Fault {
  return new Fault('REQUEST_INVALID', `The request breaks a rule: ${field} ${description}.`, {
    violations: [{ field, rule: field, description }],
    cause,
  });
}
