import { Fault, type StatusName, statusCodes } from './fault.ts';
import { StatusError } from './status-error.ts';

/** Status by reason: core's, and a team's own. */
export type Reasons = Readonly<Record<string, StatusName>>;

const nameOf = new Map<number, StatusName>(Object.entries(statusCodes).map(([name, code]) => [code, name as StatusName]));

/** The status that an error will leave the house with: of a Fault by its reason, of an upstream its own, of anything else INTERNAL. */
export function statusOf(error: unknown, reasons: Reasons): StatusName {
  if (error instanceof StatusError) return nameOf.get(error.code) ?? 'UNKNOWN';
  return error instanceof Fault && Object.hasOwn(reasons, error.reason) ? (reasons[error.reason] as StatusName) : 'INTERNAL';
}
