import type { RedisPlace } from './redis-address.ts';
import type { RedisInfo } from './redis-info.ts';
import type { RedisNode } from './redis-node.ts';

/** The first version with sharded pub/sub, which the bus uses. */
const versionLeast = 7;

/** The requirements that Redis does not meet, as lines for operators, each with its remedy. */
export function misfitsOf({ mode }: Pick<RedisPlace, 'mode'>, nodes: readonly Pick<RedisNode, 'name' | 'info'>[]): readonly string[] {
  return nodes.flatMap(({ name, info }) => {
    const said = info();
    return said === undefined ? [] : misfitsOfOne(mode, name, said);
  });
}

function misfitsOfOne(mode: RedisPlace['mode'], name: string, { version, mode: is, evictionPolicy }: RedisInfo): readonly string[] {
  const lines: string[] = [];
  if (Number.parseInt(version, 10) < versionLeast) lines.push(`${name} is version ${version}: ${versionLeast}.0 or newer is needed.`);
  if (is === 'cluster' && mode !== 'cluster') lines.push(`${name} is a node of a Cluster, and redis.mode is ${mode}: set it to cluster.`);
  if (is === 'standalone' && mode === 'cluster') lines.push(`${name} is no node of a Cluster, and redis.mode is cluster: set it to single.`);
  if (is === 'sentinel') lines.push(`${name} is a Sentinel, and redis.mode is ${mode}: set it to sentinel, and redis.masterName.`);
  if (evictionPolicy?.startsWith('allkeys-') === true)
    lines.push(`${name} evicts any key (maxmemory-policy ${evictionPolicy}): set it to noeviction or volatile-ttl.`);
  return lines;
}
