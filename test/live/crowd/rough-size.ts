// The size of the run on a rough network, from the environment: a small one unless it says otherwise.
import { randomInt } from 'node:crypto';
import type { RoughOptions } from './rough-run.ts';

const number = (name: string, usual: number) => Number(process.env[name] ?? usual);
const seconds = number('LIVE_SECONDS', 8);

export const roughSize: Omit<RoughOptions, 'silentEnd' | 'redisLoses' | 'checkout'> = {
  seed: number('LIVE_SEED', randomInt(1_000_000)),
  clients: number('LIVE_CLIENTS', 60),
  seconds,
  events: number('LIVE_EVENTS', 3_000),
  kills: Math.ceil(seconds / 6),
  swallowMs: Math.min(25_000, seconds * 800),
};
/** Milliseconds. */
export const roughMostMs = (5 * seconds + 300) * 1_000;
