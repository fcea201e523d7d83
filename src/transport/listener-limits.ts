/** The time limits of a listener. Node has one of 120 s for a TLS handshake, and none for the rest. */
export type FrontTimers = {
  readonly handshakeMs: number;
  /** Until the first bytes of a connection; in HTTP/1.1, until the end of a request's headers. */
  readonly prefaceMs: number;
  /** Until the end of a request of one message. */
  readonly requestMs: number;
  readonly idleMs: number;
  /** How long the bytes of an answer may wait without any of them leaving. */
  readonly stallMs: number;
};
/** Of the internal listener, and of the public one where the settings say nothing. */
export const defaultTimers: FrontTimers = { handshakeMs: 10_000, prefaceMs: 10_000, requestMs: 30_000, idleMs: 300_000, stallMs: 30_000 };

/** The limits of a listener. docs/reference/configuration.md describes them. */
export type FrontLimits = {
  readonly connections: number;
  /** Undefined: no limit, as behind a balancer, whose address is that of all. */
  readonly connectionsPerAddress: number | undefined;
  /** Bytes of answers that wait for their clients, of one connection and in all. */
  readonly queuedBytesPerConnection: number;
  readonly queuedBytes: number;
  /** The budget of a status with its text, details and metadata, and of an answer's metadata. */
  readonly statusBytes: number;
};
/** Of the internal listener, and of the public one where the settings say nothing. */
export const defaultLimits: FrontLimits = {
  connections: 10_000,
  connectionsPerAddress: undefined,
  queuedBytesPerConnection: 16_777_216,
  queuedBytes: 268_435_456,
  statusBytes: 8_192,
};
