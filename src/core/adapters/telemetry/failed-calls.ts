import { type CoreReason, type StatusName, statusCodes } from '../../kit/reasons.ts';
import type { CallRecord } from '../../ports/call-record.ts';

/** Names of the gRPC status codes, by number. */
export const statusNames = Object.keys(statusCodes) as StatusName[];

/**
 * The statuses that are server errors (OpenTelemetry semantic conventions 1.45, gRPC). All others are not errors of the
 * server.
 */
const serverErrors: ReadonlySet<StatusName> = new Set(['UNKNOWN', 'DEADLINE_EXCEEDED', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS']);

const isServerError = (code: number): boolean => serverErrors.has(statusNames[code] ?? 'UNKNOWN');

/** Whether the server failed a call. Maintenance is what an operator asked for: no alert is about it. */
export function isFailure({ code, reason }: Pick<CallRecord, 'code' | 'reason'>): boolean {
  return isServerError(code) && reason !== ('MAINTENANCE' satisfies CoreReason);
}
