import type { Fault } from '../kit/fault.ts';

/** What an internal service answered instead of a message. A screen may branch on `code`; one that does not ends (or misses a part) with `fault`. */
export class UpstreamError extends Error {
  /** The gRPC status code, 1 to 16: 5 is NOT_FOUND. */
  readonly code: number;
  readonly fault: Fault;
  constructor(code: number, message: string, fault: Fault) {
    super(message, { cause: fault });
    this.name = 'UpstreamError';
    this.code = code;
    this.fault = fault;
  }
}
