import type { Clock } from '../core/kit/clock.ts';
import type { Log } from '../core/ports/log.ts';
import type { Cors } from './cors.ts';
import type { Exchange } from './exchange.ts';
import type { ReportDefect } from './http/confine-errors.ts';
import type { TransportReports } from './http/transport-metrics.ts';
import type { Pages } from './http-pages.ts';
import type { FrontLimits, FrontTimers } from './listener-limits.ts';
import type { Spoken } from './protocols/choose-protocol.ts';
import type { EncodeRefusal } from './routing-faults.ts';
import type { Served } from './served-method.ts';

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
  readonly log: Log;
  readonly reportDefect: ReportDefect;
  readonly reports: TransportReports;
  readonly timers: FrontTimers;
  readonly limits: FrontLimits;
};
