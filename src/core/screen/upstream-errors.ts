import { Fault } from '../kit/fault.ts';
import { type StatusName, statusCodes } from '../kit/reasons.ts';

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

/**
 * An upstream call whose errors have a meaning for the app:
 * `translate(orders.getOrder({ orderId }), { NOT_FOUND: 'ORDER_UNKNOWN' })`.
 * @param reasons the company's reason by status of the upstream
 * @throws Fault with that reason and the upstream's text as its message; any other error unchanged
 */
export async function translate<T>(call: Promise<T>, reasons: Partial<Record<StatusName, string>>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    const reason = error instanceof UpstreamError ? reasons[nameOf(error.code)] : undefined;
    if (reason === undefined) throw error;
    throw new Fault<string>(reason, (error as UpstreamError).message, { cause: error });
  }
}

/** An upstream call with a status that means absence: the result is then undefined instead of a failure. */
export async function absentWhen<T>(call: Promise<T>, status: StatusName): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (error instanceof UpstreamError && error.code === statusCodes[status]) return undefined;
    throw error;
  }
}

function nameOf(code: number): StatusName {
  return (Object.keys(statusCodes) as StatusName[]).find((name) => statusCodes[name] === code) ?? 'UNKNOWN';
}
