import type { Log } from '../core/ports/log.ts';

/** Logs nothing: commands print their results themselves. */
export const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
