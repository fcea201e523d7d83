/**
 * The time limits of a listener. Node has one of 120 s for a TLS handshake, and none for the rest. Their defaults, and
 * those of the limits below, are in src/settings/defaults/listeners.ts.
 */
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

/** The limits of a listener. docs/reference/configuration.md describes them. */
export type FrontLimits = {
  readonly connections: number;
  /** Undefined: no limit, as behind a balancer, whose address is that of all. */
  readonly connectionsPerAddress?: number | undefined;
  /** Bytes of answers that wait for their clients, of one connection and in all. */
  readonly queuedBytesPerConnection: number;
  readonly queuedBytes: number;
  /** The budget of a status with its text, details and metadata, and of an answer's metadata. */
  readonly statusBytes: number;
};
