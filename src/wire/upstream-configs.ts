import { readFileSync } from 'node:fs';
import type { UpstreamConfig } from '../core/upstreams/upstreams.ts';
import type { Settings } from '../settings.ts';

/** Defaults of upstreams that are not in the configuration: the sample company's services in dev. Milliseconds. */
const sampleDeadlineMs = 5_000;

/**
 * Reads the upstreams of the configuration with their certificates. The sample company provides the others.
 * @param samples addresses by name
 * @throws Error naming every file that cannot be read
 */
export function upstreamConfigs(
  { upstreams }: Pick<Settings, 'upstreams'>,
  samples: Readonly<Record<string, string>>,
): Readonly<Record<string, UpstreamConfig>> {
  const wrong: string[] = [];
  const read = (name: string, key: string, file: string | undefined) => {
    if (file === undefined) return undefined;
    try {
      return readFileSync(file);
    } catch (error) {
      wrong.push(`upstreams.${name}.tls.${key}: the file ${file} cannot be read (${(error as NodeJS.ErrnoException).code}).`);
      return undefined;
    }
  };
  const configs: Record<string, UpstreamConfig> = {};
  for (const [name, address] of Object.entries(samples)) configs[name] = { address, deadlineMs: sampleDeadlineMs, attemptsMax: 3, audience: name };
  for (const [name, { address, tls, deadline, attemptsMax, audience = name }] of Object.entries(upstreams)) {
    if (tls?.certFile !== undefined && tls.keyFile === undefined) wrong.push(`upstreams.${name}.tls.keyFile: is needed beside certFile.`);
    const [ca, cert, key] = [read(name, 'caFile', tls?.caFile), read(name, 'certFile', tls?.certFile), read(name, 'keyFile', tls?.keyFile)];
    const secured =
      tls === undefined
        ? {}
        : {
            tls: {
              ...(ca && { ca }),
              ...(cert && { cert }),
              ...(key && { key }),
              ...(tls.serverName === undefined ? {} : { serverName: tls.serverName }),
            },
          };
    configs[name] = { address, ...secured, deadlineMs: deadline, attemptsMax, audience };
  }
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
  return configs;
}
