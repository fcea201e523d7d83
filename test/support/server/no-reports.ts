import type { TransportReports } from '../../../src/core/transport/abuse.ts';

/** Reports that nobody reads. */
export const noReports: TransportReports = { abuse: () => {}, connections: () => {}, handshake: () => {}, reset: () => {}, goaway: () => {} };
