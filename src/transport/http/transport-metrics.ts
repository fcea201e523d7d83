import type { Meter } from '@opentelemetry/api';
import { networkOf } from '../../core/kit/address-network.ts';
import type { Clock } from '../../core/kit/clock.ts';
import type { CoreReason } from '../../core/kit/reasons.ts';
import { onePerWindow } from '../../core/kit/throttle-reports.ts';
import type { Log } from '../../core/ports/log.ts';

/** Why a connection or stream was refused or ended to bound its cost. docs/operating/telemetry.md explains each. */
export const limitReasons = [
  'address_full',
  'connections_full',
  'control_frames',
  'handshake_timeout',
  'headers_timeout',
  'http_malformed',
  'preface_timeout',
  'proxy_malformed',
  'proxy_untrusted',
  'queue_full',
  'queues_full',
  'request_timeout',
  'resets',
  'rest_refused',
  'running_full',
  'connection_stalled',
  'stream_stalled',
] as const;
/** Also the reason of a call that is refused before it reaches the chain, in lower case: "method_unknown". */
export type AbuseReason = (typeof limitReasons)[number] | Lowercase<CoreReason>;

/** Metrics and log of what clients cost besides their calls. */
export type TransportReports = {
  /** @param address of the client, for the log, which names its network */
  abuse(reason: AbuseReason, address: string): void;
  /** @param change 1: opened; -1: closed */
  connections(state: 'handshake' | 'http1' | 'http2', change: 1 | -1): void;
  handshake(result: 'done' | 'failed' | 'timeout'): void;
  /** A stream of HTTP/2 ended by a reset of either side. @param code the error code of RFC 9113, section 7 */
  reset(code: number): void;
  goaway(by: 'client' | 'server'): void;
};

const windowMs = 60_000;

export function transportReports(meter: Meter, log: Log, clock: Clock): TransportReports {
  const abuse = meter.createCounter('portico.abuse', { description: 'Connections, streams and calls that were refused or ended by a limit.' });
  const connections = meter.createUpDownCounter('portico.connections', { description: 'Open connections.' });
  const handshakes = meter.createCounter('portico.handshakes', { description: 'TLS handshakes.' });
  const resets = meter.createCounter('portico.http2.resets', { description: 'Streams of HTTP/2 that a reset ended.' });
  const goaways = meter.createCounter('portico.http2.goaways', { description: 'GOAWAY frames.' });
  const say = onePerWindow<string>(windowMs, clock, (reason, peer, more) =>
    log.warn('A limit refused or ended something of a client.', { reason, peer, ...(more === 0 ? {} : { more_since: more }) }),
  );
  return {
    abuse: (reason, address) => {
      abuse.add(1, { reason });
      say(reason, networkOf(address));
    },
    connections: (state, change) => connections.add(change, { state }),
    handshake: (result) => handshakes.add(1, { result }),
    reset: (code) => resets.add(1, { code: String(code) }),
    goaway: (by) => goaways.add(1, { by }),
  };
}
