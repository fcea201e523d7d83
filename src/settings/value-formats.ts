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
export const keysUrl = () =>
  z
    .url({ protocol: /^https?$/ })
    .refine((text) => /^https:|^http:\/\/(localhost|127\.\d+\.\d+\.\d+|\[::1\])([:/]|$)/i.test(text))
    .meta({ 'x-example': 'https://id.example.com/jwks.json' });
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
