import { isIP, isIPv6 } from 'node:net';

/** One socket address. */
export type SocketAddress = { readonly host: string; readonly port: number } | { readonly path: string };

/** The location of an upstream: a name to resolve, or fixed addresses. */
export type Place =
  | { readonly authority: string; readonly name: string; readonly port: number }
  | { readonly authority: string; readonly addresses: readonly SocketAddress[] };

/** The port of addresses without one: that of HTTPS (grpc/grpc, doc/naming.md). */
const usualPort = 443;

/**
 * Reads an address of the configuration, in the forms of grpc/grpc, doc/naming.md.
 * @throws Error that describes what is invalid
 */
export function parseUpstreamAddress(address: string): Place {
  const [, scheme = '', rest = ''] = /^(ipv4|ipv6|unix|dns):(.*)$/s.exec(address) ?? ['', '', address];
  if (scheme === 'unix') {
    const path = rest.replace(/^\/\//, '');
    if (path === '') throw new Error(`The address "${address}" names no socket.`);
    return { authority: 'localhost', addresses: [{ path }] };
  }
  if (scheme === 'ipv4' || scheme === 'ipv6') {
    const addresses = rest.split(',').map((one) => hostPort(one.trim(), address));
    const wrong = addresses.find(({ host }) => isIP(host) === 0);
    if (wrong !== undefined) throw new Error(`The address "${address}" has "${wrong.host}", which is no IP address.`);
    return { authority: authorityOf(addresses[0] ?? hostPort('', address)), addresses };
  }
  if (scheme === 'dns' && /^\/\/[^/]/.test(rest)) throw new Error(`The address "${address}" names a DNS server; names are looked up by the system.`);
  const { host, port } = hostPort(scheme === 'dns' ? rest.replace(/^\/\/\//, '') : rest, address);
  const authority = authorityOf({ host, port });
  return isIP(host) === 0 ? { authority, name: host, port } : { authority, addresses: [{ host, port }] };
}

/** "10.1.2.3:9000", "[::1]:9000", "/run/orders.sock" */
export function textOf(address: SocketAddress): string {
  return 'path' in address ? address.path : authorityOf(address);
}

function authorityOf({ host, port }: { readonly host: string; readonly port: number }): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

function hostPort(text: string, address: string): { readonly host: string; readonly port: number } {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const host = bracketed ?? plain ?? (isIPv6(text) ? text : '');
  const port = digits === undefined ? usualPort : Number(digits);
  if (host === '' || port > 65_535) throw new Error(`The address "${address}" is not written like "host:port".`);
  return { host, port };
}
