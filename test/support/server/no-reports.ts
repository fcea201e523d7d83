import type { TransportReports } from '../../../src/transport/http/transport-metrics.ts';

/** Reports that nobody reads. */
export const noReports: TransportReports = { abuse: () => {}, connections: () => {}, handshake: () => {}, reset: () => {}, goaway: () => {} };
