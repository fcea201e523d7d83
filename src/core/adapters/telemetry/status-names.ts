import { type StatusName, statusCodes } from '../../kit/reasons.ts';

/** Names of the gRPC status codes, by number. */
export const statusNames = Object.keys(statusCodes) as StatusName[];

/**
 * The statuses that are server errors (OpenTelemetry semantic conventions 1.45, gRPC). All others are not errors of the
 * server.
 */
const serverErrors: ReadonlySet<StatusName> = new Set(['UNKNOWN', 'DEADLINE_EXCEEDED', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS']);

export const isServerError = (code: number): boolean => serverErrors.has(statusNames[code] ?? 'UNKNOWN');
