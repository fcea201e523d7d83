import type { Fault } from '../kit/fault.ts';

/**
 * The error status of an internal service. A screen may branch on `code`. Otherwise the screen (or its part) fails with
 * `fault`.
 */
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
