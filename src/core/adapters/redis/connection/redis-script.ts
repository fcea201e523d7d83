import { createHash } from 'node:crypto';

/** A script that Redis runs atomically. It is called by its hash, and sent in full if Redis does not know it yet. */
export type RedisScript = { readonly source: string; readonly sha: string };

export function redisScript(source: string): RedisScript {
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}
