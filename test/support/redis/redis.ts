// Real Redis for the tests: a single one and a Cluster shared by a whole run, each user with a prefix of its own; whoever breaks servers starts its own.
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { type RedisCluster, startRedisCluster } from './redis-cluster.ts';
import { type RedisServer, type RedisServerOptions, startRedisServer } from './redis-server.ts';

export { type RedisCluster, startRedisCluster } from './redis-cluster.ts';
export { type RedisSentinels, startRedisSentinels } from './redis-sentinels.ts';
export { type RedisServer, startRedisServer } from './redis-server.ts';

const singleVariable = 'TEST_REDIS';
const clusterVariable = 'TEST_REDIS_CLUSTER';

/** As the section `redis` of the settings has it. */
export type RedisPlace = {
  readonly mode: 'single' | 'cluster' | 'sentinel';
  readonly nodes: readonly string[];
  readonly masterName?: string;
  readonly username?: string;
  readonly password?: string;
  readonly prefix: string;
};

let next = 0;
/** A prefix that nobody else uses. */
export const ownPrefix = () => `t${process.pid}-${next++}:`;

let single: Promise<RedisServer> | undefined;
/** The single Redis of this test run; a file that is run alone starts its own, which ends with the process. */
export async function sharedRedis(): Promise<RedisPlace> {
  const given = process.env[singleVariable];
  if (given === undefined) single ??= startRedisServer(sharedOptions);
  return { mode: 'single', nodes: [given ?? (await (single as Promise<RedisServer>)).address], prefix: ownPrefix(), ...login };
}

let cluster: Promise<RedisCluster> | undefined;
/** The 3-node Cluster of this test run, likewise. */
export async function sharedCluster(): Promise<RedisPlace> {
  const given = process.env[clusterVariable]?.split(',');
  if (given === undefined) cluster ??= startRedisCluster(sharedOptions);
  return { mode: 'cluster', nodes: given ?? (await (cluster as Promise<RedisCluster>)).addresses, prefix: ownPrefix(), ...login };
}

/** The user of docs/operating/redis.md with the least rights, by whom all tests of the shared ones log in; for any prefix. */
const userLine = /^user portico on .*$/m.exec(readFileSync(resolve(import.meta.dirname, '../../../docs/operating/redis.md'), 'utf8'))?.[0] ?? '';
const login = { username: 'portico', password: / >(\S+) /.exec(userLine)?.[1] ?? '' };
const sharedOptions: RedisServerOptions = { config: ['maxmemory-policy noeviction', userLine.replaceAll('portico:*', '*')] };

/** For the global setup: starts both and says to the test processes where they are. */
export async function startSharedRedis(): Promise<{ stop(): Promise<void> }> {
  const [one, three] = await Promise.all([startRedisServer(sharedOptions), startRedisCluster(sharedOptions)]);
  process.env[singleVariable] = one.address;
  process.env[clusterVariable] = three.addresses.join(',');
  return {
    stop: async () => {
      await Promise.all([one.stop(), three.stop()]);
    },
  };
}
