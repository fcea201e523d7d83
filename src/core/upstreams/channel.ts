import { type ChannelOptions, Client, credentials } from '@grpc/grpc-js';
import { pollingTarget } from './polling-resolver.ts';

/** One upstream as configured. */
export type UpstreamConfig = {
  /** "host:port", also with several addresses as "ipv4:10.0.0.1:9000,10.0.0.2:9000". */
  readonly address: string;
  /** Unset: plain text. */
  readonly tls?: {
    /** PEM of the authorities; unset: the system's. */
    readonly ca?: Buffer;
    readonly key?: Buffer;
    readonly cert?: Buffer;
    /** The name in the certificate where it is not that of the address. */
    readonly serverName?: string;
  };
  /** The longest one call may take, whatever time the client's call has. */
  readonly deadlineMs: number;
  /** All attempts, the first included: 1 to 5 (gRFC A6). */
  readonly attemptsMax: number;
  /** `aud` of the internal token. */
  readonly audience: string;
};

/** What may be tried again, as "package.Service/Method": its methods are idempotent. */
export type Retryable = Iterable<string>;

/**
 * grpc-js's own retries (gRFC A6) are used: they know what was never sent, heed pushback, span the deadline and share a budget per target, which is what a retry of ours
 * would have to do again. Backoff 50 ms · 2ⁿ up to 1 s, ±20 % by grpc-js; budget of 10 tokens, 0.1 back per success.
 */
function serviceConfig(attemptsMax: number, retryable: Retryable): string {
  const name = [...retryable].map((method) => ({ service: method.split('/')[0], method: method.split('/')[1] }));
  const retryPolicy = {
    maxAttempts: attemptsMax,
    initialBackoff: '0.05s',
    maxBackoff: '1s',
    backoffMultiplier: 2,
    retryableStatusCodes: ['UNAVAILABLE'],
  };
  return JSON.stringify({
    loadBalancingConfig: [{ round_robin: {} }],
    ...(attemptsMax > 1 && name.length > 0 ? { methodConfig: [{ name, retryPolicy }], retryThrottling: { maxTokens: 10, tokenRatio: 0.1 } } : {}),
  });
}

/** A client of grpc-js, which carries bytes as they are. Its connections are made with the first call. */
export function openChannel({ address, tls, attemptsMax }: UpstreamConfig, retryable: Retryable): Client {
  const options: ChannelOptions = {
    'grpc.service_config': serviceConfig(attemptsMax, retryable),
    'grpc.service_config_disable_resolution': 1,
    'grpc.keepalive_time_ms': 300_000, // grpc-go answers more frequent pings with GOAWAY too_many_pings
    'grpc.keepalive_timeout_ms': 20_000,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 5_000,
    'grpc.max_receive_message_length': 4_194_304,
    'grpc.use_local_subchannel_pool': 1,
    ...(tls?.serverName === undefined ? {} : { 'grpc.ssl_target_name_override': tls.serverName, 'grpc.default_authority': tls.serverName }),
  };
  const secured = tls === undefined ? credentials.createInsecure() : credentials.createSsl(tls.ca ?? null, tls.key ?? null, tls.cert ?? null);
  const target = /^(ipv4|ipv6|unix|dns):/.test(address) ? address : pollingTarget(address);
  return new Client(target, secured, options);
}
