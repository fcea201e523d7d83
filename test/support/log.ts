import type { Log } from '../../src/core/ports/log.ts';

/** Says nothing. */
export const quietLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** Keeps what is said. */
export function keptLog(): { readonly log: Log; readonly lines: { readonly level: string; readonly message: string; readonly fields: unknown }[] } {
  const lines: { level: string; message: string; fields: unknown }[] = [];
  const at = (level: string) => (message: string, fields?: unknown) => void lines.push({ level, message, fields });
  return { log: { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }, lines };
}
