import { isIP, isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';

/** A DNS name, or one of /etc/hosts or of a compose file, which may have `_`. */
const dnsName = /^(?=.{1,253}\.?$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?(\.[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?)*\.?$/;

/** Whether a listener or a client can use it: "orders.internal", "10.0.0.7", "fd00::7". */
export function isHost(text: string): boolean {
  if (isIP(text) !== 0) return true;
  return dnsName.test(text) && !/^[\d.]+$/.test(text); // "10.0.0.300" is not a name
}

const isPort = (text: string) => /^\d{1,5}$/.test(text) && Number(text) >= 1 && Number(text) <= 65_535;

/** "orders.internal:9000", "10.0.0.7:9000", "[fd00::7]:9000". */
export function isHostAndPort(text: string): boolean {
  const [, bracketed, host = '', port = ''] = /^(?:\[(.+)\]|([^:[\]]+)):(.+)$/.exec(text) ?? [];
  return isPort(port) && (bracketed === undefined ? isHost(host) : isIPv6(bracketed));
}

/**
 * "host:port", or with a scheme of gRPC's naming: "ipv4:10.0.0.1:9000,10.0.0.2:9000", "ipv6:[fd00::7]:9000",
 * "unix:/run/orders.sock".
 */
export function isUpstreamAddress(text: string): boolean {
  const [, scheme, rest = ''] = /^(ipv4|ipv6|unix):(.+)$/.exec(text) ?? [];
  switch (scheme) {
    case undefined:
      return isHostAndPort(text);
    case 'unix':
      return true;
    default: {
      const isOfScheme = scheme === 'ipv4' ? isIPv4 : isIPv6;
      return rest.split(',').every((one) => isHostAndPort(one) && isOfScheme(one.slice(0, one.lastIndexOf(':')).replace(/^\[(.+)\]$/, '$1')));
    }
  }
}

/** The address of an upstream. */
export const upstreamAddress = () =>
  z.string().min(1).max(4_096).refine(isUpstreamAddress).meta({ 'x-text': 'an address such as "orders.internal:9000"' });

/** The host of a listener. */
export const listenHost = () =>
  z.string().min(1).max(253).refine(isHost).meta({ 'x-text': 'an address or a name of this machine, such as "127.0.0.1"' });

/** A network: an address, and how many bits of it count. */
export const cidr = () =>
  z
    .string()
    .refine((text) => {
      const [, address = '', bits] = /^([0-9a-fA-F.:]+)\/(\d{1,3})$/.exec(text) ?? [];
      return isIP(address) !== 0 && Number(bits) <= (isIPv4(address) ? 32 : 128);
    })
    .meta({ 'x-text': 'a network such as "10.0.0.0/8" or "fd00::/8"' });
