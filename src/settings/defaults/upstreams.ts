import { z } from 'zod';
import { clientTls, duration, name, text, upstreamAddress } from '../value-formats.ts';

/** One upstream. The services of the sample company have its defaults where the settings do not name them. */
export const upstream = z.strictObject({
  address: upstreamAddress().describe('"host:port", re-resolved by polling, or several: "ipv4:10.0.0.1:9000,10.0.0.2:9000".'),
  tls: clientTls().optional().describe('Unset: plain text. `{}`: TLS with the authorities of the system.'),
  deadline: duration('1ms', '1h').prefault('5s').describe('Deadline of one call.'),
  attemptsMax: z.int().min(1).max(5).default(3).describe('Attempts of an idempotent call, including the first.'),
  audience: text().optional().describe("`aud` of the internal token. Default: the upstream's name."),
});

export const upstreams = z.record(name(), upstream).prefault({}).describe('Internal services, by the name in policies and screens.');
