import { type StatusName, statusCodes } from '../kit/fault.ts';

/** Names of the gRPC status codes, by number. */
export const statusNames = Object.keys(statusCodes) as StatusName[];

/** The statuses that are the server's error (OpenTelemetry semantic conventions 1.45, gRPC): the others are answers. */
const serverErrors: ReadonlySet<StatusName> = new Set(['UNKNOWN', 'DEADLINE_EXCEEDED', 'UNIMPLEMENTED', 'INTERNAL', 'UNAVAILABLE', 'DATA_LOSS']);

export const isServerError = (code: number): boolean => serverErrors.has(statusNames[code] ?? 'UNKNOWN');
