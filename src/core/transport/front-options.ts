import type { Clock } from '../kit/clock.ts';
import type { Log } from '../ports/log.ts';
import type { Cors } from './cors.ts';
import type { Exchange } from './exchange.ts';
import type { ReportDefect } from './fence.ts';
import type { Spoken } from './protocols.ts';
import type { EncodeRefusal } from './refusal.ts';
import type { Served } from './served.ts';

/** What a page of a fixed path is: the published keys, and the like. */
export type Page = { readonly contentType: string; readonly body: string; readonly cacheControl?: string };

export type FrontTls = {
  readonly key: string;
  readonly cert: string /** PEM of the authorities whose client certificates are accepted; unset: none is asked for. */;
  readonly clientCa?: string;
};

export type FrontOptions = {
  readonly host: string;
  /** 0 takes a free one. */
  readonly port: number;
  /** Undefined: plain HTTP/2 and HTTP/1.1, behind a proxy that ends TLS. */
  readonly tls: FrontTls | undefined;
  /** What is served here, by path. */
  readonly served: ReadonlyMap<string, Served>;
  readonly protocolOf: (exchange: Exchange) => Spoken;
  readonly pages: Readonly<Record<string, () => Page>>;
  readonly cors: Cors;
  readonly refusal: EncodeRefusal;
  readonly clock: Clock;
  readonly log: Log;
  readonly reportDefect: ReportDefect;
  readonly timers?: Partial<FrontTimers>;
};

/** Node itself has 120 s for a TLS handshake and no limit for the rest; ours are told of in docs/reference/protocols.md. */
export type FrontTimers = {
  readonly handshakeMs: number;
  /** To the first word of a connection; of HTTP/1.1, to the end of a request's headers. */
  readonly prefaceMs: number;
  /** To the end of a request of one message. */
  readonly requestMs: number;
  readonly idleMs: number;
};
export const defaultTimers: FrontTimers = { handshakeMs: 10_000, prefaceMs: 10_000, requestMs: 30_000, idleMs: 300_000 };
