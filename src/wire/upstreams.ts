export { type Tried, tryConnections } from '../core/adapters/upstream-http2/try-connections.ts';

import type { UpstreamConfig } from '../core/upstreams/upstreams.ts';
import { upstream } from '../settings/defaults/upstreams.ts';
import type { Settings } from '../settings.ts';
import { readAuthorities, readCertificate } from '../transport/tls/certificate-files.ts';

type Upstream = Settings['upstreams'][string];

/**
 * Reads the upstreams of the configuration with their certificates. The sample company provides the others.
 * @param samples addresses by name
 * @throws Error naming every file that cannot be used
 */
export function upstreamConfigs(
  { upstreams }: Pick<Settings, 'upstreams'>,
  samples: Readonly<Record<string, string>>,
): Readonly<Record<string, UpstreamConfig>> {
  const wrong: string[] = [];
  const attempt = <T>(key: string, read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      const [first = '', ...rest] = (error as Error).message;
      wrong.push(`${key}: ${first.toLowerCase()}${rest.join('')}`);
      return undefined;
    }
  };
  const tlsOf = (key: string, { caFile, certFile, keyFile, serverName }: NonNullable<Upstream['tls']>): UpstreamConfig['tls'] => {
    if (certFile !== undefined && keyFile === undefined) wrong.push(`${key}.keyFile: is needed beside certFile.`);
    if (certFile === undefined && keyFile !== undefined) wrong.push(`${key}.certFile: is needed beside keyFile.`);
    const ca = caFile === undefined ? undefined : attempt(`${key}.caFile`, () => readAuthorities(caFile));
    const isWhole = certFile !== undefined && keyFile !== undefined;
    // whether it has expired is for the upstream to decide
    const own = isWhole ? attempt(`${key}.certFile`, () => readCertificate({ certFile, keyFile }, 0)) : undefined;
    return { ...(ca && { ca }), ...(own && { cert: own.cert, key: own.key }), ...(serverName !== undefined && { serverName }) };
  };
  const configs: Record<string, UpstreamConfig> = {};
  const ofSample = Object.entries(samples).map(([name, address]) => [name, upstream.parse({ address })] as const);
  for (const [name, { address, tls, deadline, attemptsMax, audience = name }] of [...ofSample, ...Object.entries(upstreams)])
    configs[name] = { address, ...(tls && { tls: tlsOf(`upstreams.${name}.tls`, tls) }), deadlineMs: deadline, attemptsMax, audience };
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
  return configs;
}
