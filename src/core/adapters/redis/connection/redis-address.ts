import { readFileSync } from 'node:fs';
import type { RedisOptions } from 'ioredis';

/** The section `redis` of the settings. */
export type RedisPlace = {
  readonly mode: 'single' | 'sentinel' | 'cluster';
  readonly url?: string | undefined;
  readonly nodes: readonly string[];
  readonly masterName?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly sentinelUsername?: string | undefined;
  readonly sentinelPassword?: string | undefined;
  readonly tls?:
    | {
        readonly caFile?: string | undefined;
        readonly certFile?: string | undefined;
        readonly keyFile?: string | undefined;
        readonly serverName?: string | undefined;
      }
    | undefined;
  readonly prefix: string;
};

export type Address = { readonly host: string; readonly port: number };

/** "host:port", "[::1]:port" */
export function parseAddress(text: string): Address {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
}

/** The options of each connection, except its address. @throws Error when a file cannot be read */
export function credentials({ username, password, tls }: RedisPlace): RedisOptions {
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls: tlsOptions(tls) }),
  };
}

function tlsOptions({ caFile, certFile, keyFile, serverName }: NonNullable<RedisPlace['tls']>): NonNullable<RedisOptions['tls']> {
  return {
    ...(caFile === undefined ? {} : { ca: readFileSync(caFile) }),
    ...(certFile === undefined ? {} : { cert: readFileSync(certFile) }),
    ...(keyFile === undefined ? {} : { key: readFileSync(keyFile) }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  };
}

/** The Redis of mode single, by URL or by node. */
export function singleAddress({ url, nodes }: RedisPlace): RedisOptions {
  if (url === undefined) return parseAddress(nodes[0] ?? '');
  const { protocol, hostname, port, username, password, pathname } = new URL(url);
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? 6379 : Number(port),
    db: Number(pathname.slice(1)) || 0,
    ...(username === '' ? {} : { username: decodeURIComponent(username) }),
    ...(password === '' ? {} : { password: decodeURIComponent(password) }),
    ...(protocol === 'rediss:' ? { tls: {} } : {}),
  };
}

/** The primary that Sentinels name. */
export function sentinelAddress(place: RedisPlace): RedisOptions {
  const { nodes, masterName = '', sentinelUsername, sentinelPassword, tls } = place;
  return {
    sentinels: nodes.map(parseAddress),
    name: masterName,
    failoverDetector: true, // Sentinels report a promotion; without it the client would wait for a primary that hangs
    sentinelRetryStrategy: (times) => Math.min(times * 100, 1_000),
    sentinelCommandTimeout: 1_000,
    ...(sentinelUsername === undefined ? {} : { sentinelUsername }),
    ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
    ...(tls === undefined ? {} : { enableTLSForSentinelMode: true, sentinelTLS: tlsOptions(tls) }),
  };
}
