import { createHash } from 'node:crypto';

/** A script that Redis runs as one step. Known to it by its hash; sent whole where it is not known yet. */
export type RedisScript = { readonly source: string; readonly sha: string };

export function redisScript(source: string): RedisScript {
  return { source, sha: createHash('sha1').update(source).digest('hex') };
}
