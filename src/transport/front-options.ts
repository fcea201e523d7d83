import type { Clock } from '../core/kit/clock.ts';
import type { Log } from '../core/ports/log.ts';
import type { Cors } from './cors.ts';
import type { Exchange } from './exchange.ts';
import type { ReportDefect } from './http/confine-errors.ts';
import type { Spoken } from './protocols/protocols.ts';
import type { EncodeRefusal } from './edge-faults.ts';
import type { TransportReports } from './http/transport-metrics.ts';
import type { Served } from './served-method.ts';

/** A page with a fixed path, such as the published keys. */
export type Page = { readonly contentType: string; readonly body: string; readonly cacheControl?: string };

export type FrontTls = {
  readonly key: string;
  readonly cert: string /** PEM of the authorities whose client certificates are accepted; unset: none is requested. */;
  readonly clientCa?: string;
};

export type FrontOptions = {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Undefined: plain HTTP/2 and HTTP/1.1, behind a proxy that terminates TLS. */
  readonly tls: FrontTls | undefined;
  /** The served methods by path. */
  readonly served: ReadonlyMap<string, Served>;
  readonly protocolOf: (exchange: Exchange) => Spoken;
  readonly pages: Readonly<Record<string, () => Page>>;
  readonly cors: Cors;
  readonly refusal: EncodeRefusal;
  readonly clock: Clock;
  readonly log: Log;
  readonly reportDefect: ReportDefect;
  readonly reports: TransportReports;
  readonly timers?: Partial<FrontTimers>;
  readonly limits?: Partial<FrontLimits>;
};

/**
 * Node has a limit of 120 s for a TLS handshake and none for the rest. docs/reference/protocols.md lists these limits.
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
export const defaultLimits: FrontLimits = {
  connections: 10_000,
  connectionsPerAddress: undefined,
  queuedBytesPerConnection: 16_777_216,
  queuedBytes: 268_435_456,
  statusBytes: 8_192,
};
