import type { Log } from '../core/ports/log.ts';

/** Says nothing: commands tell what they found by themselves. */
export const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
