import type { measuredCosts } from './measured-costs.ts';

type Name = Exclude<keyof typeof measuredCosts, 'machine'>;
/** What was measured, on which machine. */
export type Costs = Readonly<Record<Name, number>> & { readonly machine: string };

/** The meaning of each, in the order of the page and the output. */
export const costRows: Readonly<Record<Name, string>> = {
  processBytes: 'memory of a process without clients, after calls and a garbage collection (bytes)',
  clientBytes: 'memory of a connected client: TLS, HTTP/2, a stream with a subscription (bytes)',
  heartbeatMicros: 'a heartbeat of a client and that of the server (CPU, µs)',
  heartbeatWireBytes: 'the same on the network (bytes)',
  deliveryMicros: 'an event of 200 bytes to a client (CPU, µs)',
  deliveryWireBytes: 'the same on the network (bytes)',
  publishMicros: 'an event that is published, without its deliveries (CPU, µs)',
  publishRedisMicros: 'the same in Redis (CPU, µs)',
  cachedCallMicros: 'a unary call that the cache answers with 1.5 KB (CPU, µs)',
  cachedCallRedisMicros: 'the same in Redis: the versions of its tags are read (CPU, µs)',
  uncachedCallMicros: 'the same call computed from four upstream calls (CPU, µs)',
  uncachedCallRedisMicros: 'the same in Redis (CPU, µs)',
  callWireBytes: 'a call and its answer on the network (bytes)',
  sendMicros: 'a chat message of a stream, in a transaction of its own, sent to two clients (CPU, µs)',
  sendRedisMicros: 'the same in Redis (CPU, µs)',
  sendPostgresMicros: 'the same in PostgreSQL (CPU, µs)',
  sendStoredBytes: 'the same in its tables and indexes (bytes)',
  sendLogBytes: 'the same in its write-ahead log (bytes)',
  handshakeMicros: 'a TLS 1.3 handshake with an ECDSA P-256 certificate (CPU, µs)',
  resumedHandshakeMicros: 'a TLS 1.3 handshake that resumes a session (CPU, µs)',
  arrivalMicros: 'a client that arrives: handshake, token, stream, subscription (CPU, µs)',
  arrivalRedisMicros: 'the same in Redis (CPU, µs)',
  arrivalWireBytes: 'the same on the network (bytes)',
};

export const costNames = Object.keys(costRows) as Name[];
