// A primary, a replica, and Sentinels that promote the replica.
import { inStep } from './follow.ts';
import { type RedisServer, startRedisServer } from './redis-server.ts';

export type RedisSentinels = AsyncDisposable & {
  readonly masterName: string;
  readonly primary: RedisServer;
  readonly replica: RedisServer;
  readonly sentinels: readonly RedisServer[];
  /** "host:port" of every Sentinel. */
  readonly addresses: readonly string[];
  /** The port of the primary as the Sentinels see it. */
  primaryPort(): Promise<number>;
  /** Resolved when the Sentinels have made the replica the primary. */
  promoted(): Promise<void>;
  stop(): Promise<void>;
};

const masterName = 'portico-test';
/**
 * Sentinels promote no replica that has been without its primary for ten times as long: a busy machine takes seconds to
 * let one lag behind. Milliseconds.
 */
const downAfterMs = 2_000;
/** Sentinels do nothing for 30 s after they stood still for 2 s themselves (TILT mode). Times, 50 ms apart. */
const looksMax = 2_400;

/** Starts all of them; resolved when the replica is in step and the Sentinels know it and each other. */
export async function startRedisSentinels({ sentinels: count = 3 }: { readonly sentinels?: number } = {}): Promise<RedisSentinels> {
  const primary = await startRedisServer();
  const replica = await startRedisServer({ config: [`replicaof 127.0.0.1 ${primary.port}`] });
  const quorum = Math.floor(count / 2) + 1;
  const sentinels = await Promise.all(
    Array.from({ length: count }, () =>
      startRedisServer({
        sentinel: true,
        config: [
          `sentinel monitor ${masterName} 127.0.0.1 ${primary.port} ${quorum}`,
          `sentinel down-after-milliseconds ${masterName} ${downAfterMs}`,
          `sentinel failover-timeout ${masterName} 5000`,
        ],
      }),
    ),
  );
  const until = async (what: string, is: () => Promise<boolean>) => {
    for (let i = 0; i < looksMax; i++) {
      if (await is().catch(() => false)) return;
      await new Promise((again) => setTimeout(again, 50));
    }
    throw new Error(`It did not come to be: ${what}.`);
  };
  const [first] = sentinels as [RedisServer];
  const about = async (sentinel: RedisServer) => {
    const flat = (await sentinel.command('SENTINEL', 'MASTER', masterName)) as string[];
    return (key: string) => Number(flat[flat.indexOf(key) + 1]);
  };
  await inStep(replica, primary);
  await until('the Sentinels know all', async () => {
    const all = await Promise.all(sentinels.map(about));
    return all.every((of) => of('num-slaves') === 1 && of('num-other-sentinels') === count - 1);
  });
  const primaryPort = async () => {
    const [, port] = (await first.command('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', masterName)) as [string, string];
    return Number(port);
  };
  const stop = async () => {
    await Promise.all([...sentinels, replica, primary].map((server) => server.stop()));
  };
  return {
    masterName,
    primary,
    replica,
    sentinels,
    addresses: sentinels.map(({ address }) => address),
    primaryPort,
    promoted: () => until('the replica is the primary', async () => String(await replica.command('INFO', 'replication')).includes('role:master')),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
