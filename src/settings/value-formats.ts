import { isIP, isIPv4, isIPv6 } from 'node:net';
import { z } from 'zod';
import { parseDurationMs } from '../core/kit/duration.ts';

/**
 * A duration like "800ms", "30s", "5m", "1h"; milliseconds once loaded. Its format is not JSON Schema's own `duration`,
 * which is ISO 8601's "PT30S".
 */
export function duration(least: string, most: string) {
  const [minMs = 0, maxMs = 0] = [parseDurationMs(least), parseDurationMs(most)];
  return z
    .string()
    .regex(/^\d{1,9}(\.\d{1,3})?(ms|s|m|h)$/)
    .meta({ format: 'short-duration', 'x-least': least, 'x-most': most })
    .transform((text) => parseDurationMs(text) ?? Number.NaN)
    .refine((ms) => ms >= minMs && ms <= maxMs);
}

export const port = () => z.int().min(0).max(65_535);
/** The name of an upstream or an internal service. */
export const name = () =>
  z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,62}$/)
    .meta({ 'x-text': 'a name of lower-case letters, digits and "-", such as "orders"' });
export const text = () => z.string().min(1).max(4_096);
export const file = () => text().meta({ format: 'path' });
/** Https, or http on loopback: an attacker who can change the keys in transit can sign in anyone. */
export const keysUrl = () => httpsUrl('https://id.example.com/jwks.json');
/** Of a service that is sent secrets. */
export const platformUrl = () => httpsUrl('https://push.example.com');
const httpsUrl = (example: string) =>
  z
    .url({ protocol: /^https?$/ })
    .refine((text) => /^https:|^http:\/\/(localhost|127\.\d+\.\d+\.\d+|\[::1\])([:/]|$)/i.test(text))
    .meta({ 'x-example': example });
/** Never printed; may also be given as `<key>File` and `<NAME>_FILE`. */
export const secret = (least: number) => z.string().min(least).max(65_536);
export const secretFile = (key: string) => file().optional().describe(`A file that contains \`${key}\`; a line break at its end is removed.`);
/** TLS to another server. */
export const clientTls = () =>
  z.strictObject({
    caFile: file().optional().describe("PEM file of the authorities. Unset: the system's."),
    certFile: file().optional().describe('PEM file of the client certificate.'),
    keyFile: file().optional().describe('PEM file of its private key.'),
    serverName: text().optional().describe('The name in the certificate, if it differs from the address.'),
  });

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
