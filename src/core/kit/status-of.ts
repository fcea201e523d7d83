import { Fault } from './fault.ts';
import { type StatusName, statusCodes } from './reasons.ts';
import { StatusError } from './status-error.ts';

/** Status by reason: core's reasons, and the company's own. */
export type Reasons = Readonly<Record<string, StatusName>>;

const nameOf = new Map<number, StatusName>(Object.entries(statusCodes).map(([name, code]) => [code, name as StatusName]));

/**
 * The status of an error in an answer: of a Fault by its reason, of an upstream error its own, of any other error
 * INTERNAL.
 */
export function statusOf(error: unknown, reasons: Reasons): StatusName {
  if (error instanceof StatusError) return nameOf.get(error.code) ?? 'UNKNOWN';
  return error instanceof Fault && Object.hasOwn(reasons, error.reason) ? (reasons[error.reason] as StatusName) : 'INTERNAL';
}
