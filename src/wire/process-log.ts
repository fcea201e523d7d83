import { jsonLog, processDestination } from '../core/adapters/telemetry/logger.ts';
import { textDestination } from '../core/adapters/telemetry/terminal-log.ts';
import type { Log } from '../core/ports/log.ts';
import { releaseVersion } from '../release/release.ts';
import type { Settings } from '../settings.ts';

/** The log of a process that serves nothing itself. */
export function openProcessLog({ telemetry: { logLevel } }: Settings, pretty: boolean): { readonly log: Log; flush(): void } {
  const stdout = processDestination();
  const destination = pretty ? textDestination((text) => void stdout.write(text)) : stdout;
  const log = jsonLog({ level: logLevel, service: { name: 'portico', version: releaseVersion() }, destination });
  return { log, flush: () => stdout.flushSync() };
}

/** Logs nothing: commands print their results themselves. */
export const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
