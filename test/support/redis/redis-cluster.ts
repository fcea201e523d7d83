// A real Redis Cluster, and a way to move its slots.

import { holdPort } from '../../../scripts/hold-port.ts';
import { slotOf } from '../../../src/core/kit/partitions.ts';
import { type LossyRedisLink, openLossyRedisLink } from '../link/lossy-redis-link.ts';
import { type RedisServer, startRedisServer } from './redis-server.ts';

export type RedisCluster = AsyncDisposable & {
  readonly nodes: readonly RedisServer[];
  /** "host:port" of every node, as clients reach it. */
  readonly addresses: readonly string[];
  /** With `lossy`: the way of all clients to each node. */
  readonly links: readonly LossyRedisLink[];
  /** The node that has the slot of a key now. */
  ownerOf(key: string): Promise<RedisServer>;
  /** Moves a key's slot with all keys in it to another node, as `redis-cli --cluster reshard` does. */
  moveSlotOf(key: string, to: RedisServer): Promise<void>;
  stop(): Promise<void>;
};

const slots = 16_384;
const until = async (what: string, is: () => Promise<boolean>) => {
  for (let i = 0; i < 400; i++) {
    if (await is().catch(() => false)) return;
    await new Promise((again) => setTimeout(again, 25));
  }
  throw new Error(`It did not come to be: ${what}.`);
};

/** Starts `masters` nodes with even parts of the slots, and `replicas` more, one for each of the first masters. */
export async function startRedisCluster({
  masters = 3,
  replicas = 0,
  config = [],
  lossy = false,
}: {
  readonly masters?: number;
  readonly replicas?: number;
  readonly config?: readonly string[];
  /** The nodes name links to themselves as their ports, on which announcements can be lost. */
  readonly lossy?: boolean;
} = {}): Promise<RedisCluster> {
  const nodes: RedisServer[] = [];
  const busPorts: number[] = [];
  await Promise.all(
    Array.from({ length: masters + replicas }, async (_, i) => {
      const busPort = await holdPort(); // the usual one, port + 10000, may not exist
      busPorts[i] = busPort;
      nodes[i] = await startRedisServer({
        config: [
          'cluster-enabled yes',
          'cluster-config-file nodes.conf',
          `cluster-node-timeout ${replicas > 0 ? 1_000 : 5_000}`,
          `cluster-port ${busPort}`,
          ...config,
        ],
      });
    }),
  );
  const links = lossy ? await Promise.all(nodes.map(({ port }) => openLossyRedisLink(port))) : [];
  const portOf = (i: number) => Number(links[i]?.address.split(':')[1] ?? nodes[i]?.port);
  for (const [i, node] of nodes.entries()) if (lossy) await node.command('CONFIG', 'SET', 'cluster-announce-port', portOf(i));
  const [first, ...others] = nodes as [RedisServer, ...RedisServer[]];
  const idOf = async (node: RedisServer) => String(await node.command('CLUSTER', 'MYID'));
  const bound = (i: number) => Math.floor((slots * i) / masters);
  for (const [i, node] of nodes.entries()) {
    await node.command('CLUSTER', 'SET-CONFIG-EPOCH', i + 1);
    if (i < masters) await node.command('CLUSTER', 'ADDSLOTSRANGE', bound(i), bound(i + 1) - 1);
  }
  for (const [i, node] of others.entries()) await first.command('CLUSTER', 'MEET', '127.0.0.1', node.port, busPorts[i + 1] ?? 0);
  const knowAll = async () => {
    const infos = await Promise.all(nodes.map((node) => node.command('CLUSTER', 'INFO')));
    return infos.every((info) => String(info).includes(`cluster_known_nodes:${nodes.length}`));
  };
  await until('all nodes know each other', knowAll);
  for (let i = 0; i < replicas; i++) {
    const master = await idOf(nodes[i] as RedisServer);
    await until('a node follows its master', async () => (await nodes[masters + i]?.command('CLUSTER', 'REPLICATE', master)) === 'OK');
  }
  await until('the cluster is whole', async () => {
    const infos = await Promise.all(nodes.map((node) => node.command('CLUSTER', 'INFO')));
    return infos.every((info) => String(info).includes('cluster_state:ok') && String(info).includes(`cluster_slots_ok:${slots}`));
  });
  const ownerOf = async (key: string) => {
    const slot = slotOf(key);
    const living = await firstAnswer(nodes, (node) => node.command('CLUSTER', 'SLOTS'));
    const range = (living as [number, number, [string, number, ...unknown[]]][]).find(([from, to]) => slot >= from && slot <= to);
    const owner = nodes.find((_, i) => portOf(i) === range?.[2][1]);
    if (owner === undefined) throw new Error(`Nobody has slot ${slot}.`);
    return owner;
  };
  const stop = async () => {
    await Promise.all([...links.map((link) => link[Symbol.asyncDispose]()), ...nodes.map((node) => node.stop())]);
  };
  return {
    nodes,
    addresses: nodes.map((_, i) => `127.0.0.1:${portOf(i)}`),
    links,
    ownerOf,
    moveSlotOf: async (key, to) => {
      const slot = slotOf(key);
      const from = await ownerOf(key);
      if (from === to) return;
      const [fromId, toId] = [await idOf(from), await idOf(to)];
      await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId);
      await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId);
      for (;;) {
        const keys = (await from.command('CLUSTER', 'GETKEYSINSLOT', slot, 100)) as string[];
        if (keys.length === 0) break;
        await from.command('MIGRATE', '127.0.0.1', to.port, '', 0, 5_000, 'KEYS', ...keys);
      }
      await to.command('CLUSTER', 'SETSLOT', slot, 'NODE', toId);
      await from.command('CLUSTER', 'SETSLOT', slot, 'NODE', toId);
      for (const node of nodes) if (node !== to && node !== from) await node.command('CLUSTER', 'SETSLOT', slot, 'NODE', toId).catch(() => {}); // a replica learns it by gossip
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function firstAnswer<T>(nodes: readonly RedisServer[], ask: (node: RedisServer) => Promise<T>): Promise<T> {
  let last: unknown;
  for (const node of nodes) {
    try {
      return await ask(node);
    } catch (error) {
      last = error;
    }
  }
  throw last;
}
