import type { Clock } from '../core/kit/clock.ts';
import type { Line } from '../core/kit/yield-to-calls.ts';
import type { Log } from '../core/ports/log.ts';
import type { Cors } from './cors.ts';
import type { Exchange } from './exchange.ts';
import type { ReportDefect } from './http/confine-errors.ts';
import type { TransportReports } from './http/transport-metrics.ts';
import type { Pages } from './http-pages.ts';
import type { Spoken } from './protocols/protocol.ts';
import type { EncodeRefusal } from './routing-faults.ts';
import type { Served } from './running-call.ts';

export type FrontTls = {
  readonly key: string;
  readonly cert: string /** PEM of the authorities whose client certificates are accepted; unset: none is requested. */;
  readonly clientCa?: string;
  /** Keys of session tickets, 48 bytes; unset: a new key of this process. Processes on one port share them. */
  readonly ticketKeys?: Buffer | undefined;
};

export type FrontOptions = {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Undefined: plain HTTP/2 and HTTP/1.1, behind a proxy that terminates TLS. */
  readonly tls: FrontTls | undefined;
  /** Networks of proxies, whose connections begin with a PROXY header. None: clients connect themselves. */
  readonly trustedProxies?: readonly string[];
  /** The served methods by path. */
  readonly served: ReadonlyMap<string, Served>;
  readonly protocolOf: (exchange: Exchange) => Spoken;
  readonly pages: Pages;
  readonly cors: Cors;
  readonly refusal: EncodeRefusal;
  readonly clock: Clock;
  /** Opens a line in which new connections wait when many come at once. */
  readonly openLine: () => Line;
  readonly log: Log;
  readonly reportDefect: ReportDefect;
  readonly reports: TransportReports;
  readonly timers: FrontTimers;
  readonly limits: FrontLimits;
};

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
