import type { Clock } from '../core/kit/clock.ts';
import type { Handler } from '../core/ports/call.ts';
import type { Log } from '../core/ports/log.ts';
import type { App } from '../core/screen/define-app.ts';
import type { Release } from '../release/release.ts';
import type { Settings } from '../settings.ts';
import type { DrainSummary } from '../transport/drain.ts';
import type { Methods } from './methods.ts';

export type WireOptions = {
  readonly settings: Settings;
  readonly app: App;
  readonly release: Release;
  readonly clock: Clock;
  /** Of the process: the standard OTEL_* variables are read from it. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whether a person reads along at a terminal. */
  readonly pretty: boolean;
  /** Those of TLS session tickets, where several processes listen on one port. */
  readonly ticketKeys?: Buffer | undefined;
  /** Addresses of the sample company's services by upstream name, used for those that are not configured. */
  readonly samples?: Readonly<Record<string, string>>;
  /** Handlers besides screens and core's own services, by method. Tests answer all four kinds of call with them. */
  readonly handlers?: Readonly<Record<string, Handler>>;
};

/** A server that listens. */
export type Portico = {
  readonly ports: { readonly public: number; readonly internal: number; readonly admin: number };
  readonly methods: Methods;
  /** Certificate of the authority that dev made. */
  readonly caFile: string | undefined;
  readonly log: Log;
  /** Our public keys (RFC 7517). */
  jwks(): { readonly keys: readonly object[] };
  /** A token by which an internal service may call the internal listener. */
  serviceToken(name: string, ttlMs: number): Promise<string>;
  /** Resolved when the database is open and fits; rejected when it never will be. */
  readonly whenReady: Promise<void>;
  /** Not ready any more: within the times of the settings clients of streams are moved, and calls in flight finish. */
  drain(): Promise<DrainSummary & { /** Live and chat streams whose clients were asked to move. */ readonly streams: number }>;
  /** Ends everything. */
  close(): Promise<void>;
};
