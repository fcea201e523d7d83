import type { RedisOptions } from 'ioredis';
import type { Clock } from '../../../kit/clock.ts';
import { slotCount } from '../../../kit/partitions.ts';
import { parseAddress } from './redis-address.ts';
import { openRedisNode, type RedisNode } from './redis-node.ts';

/** Maps slots to nodes. */
export type RedisRouter = {
  nodeOf(slot: number): RedisNode | undefined;
  /** All nodes with slots, ordered by name. */
  masters(): readonly RedisNode[];
  /** All connected nodes, including those without slots. */
  nodes(): readonly RedisNode[];
  /** Whether the node of every slot is known. */
  isWhole(): boolean;
  /** A MOVED reported another node for a slot. @returns the node that has it now */
  moved(slot: number, address: string): RedisNode;
  /** The node of an ASK. */
  at(address: string): RedisNode;
  /** An error occurred: read the slot map again soon. */
  doubt(): void;
  close(): void;
};

/** One node for all slots: mode single, and the primary of mode sentinel. */
export function oneNode(node: RedisNode): RedisRouter {
  const nodes = [node];
  return {
    nodeOf: () => node,
    masters: () => nodes,
    nodes: () => nodes,
    isWhole: () => true,
    moved: () => node,
    at: () => node,
    doubt: () => {},
    close: node.close,
  };
}

type SlotRange = readonly [from: number, to: number, master: readonly [host: Buffer | null, port: number, id: Buffer, ...unknown[]], ...unknown[]];

/** The interval of reading the slot map after an error, and otherwise. Milliseconds. */
const lookSoonMs = 250;
const lookMs = 5_000;
/** The largest number of redirects (MOVED, ASK) of one command; each costs a round trip. */
export const redirectsMax = 4;

/**
 * The nodes of a Cluster. Each master is connected before its first command. Nodes that lost their slots are closed.
 * Nodes of the settings stay connected, because they report the others.
 * @param onChange called when a slot has another owner, or a node goes up or down
 */
export function clusterNodes(
  seeds: readonly string[],
  base: RedisOptions,
  { clock, onChange }: { readonly clock: Clock; readonly onChange: () => void },
): RedisRouter {
  const nodes = new Map<string, RedisNode>();
  let owners: (RedisNode | undefined)[] = new Array(slotCount);
  let masters: readonly RedisNode[] = [];
  let whole = false;
  let closed = false;
  let looking = false;
  let soon = false; // a read is scheduled: repeated errors must not delay it
  let cancel = () => {};

  const lookIn = (delayMs: number) => {
    cancel();
    cancel = clock.after(delayMs, () => void look());
  };
  const nodeAt = (address: string): RedisNode => {
    const known = nodes.get(address);
    if (known !== undefined) return known;
    const changed = () => {
      if (!node.isUp()) doubt();
      onChange();
    };
    const node = openRedisNode(address, { ...base, ...parseAddress(address) }, { clock, masterOnly: false, onChange: changed });
    nodes.set(address, node);
    return node;
  };
  const own = (next: (RedisNode | undefined)[]) => {
    const before = new Set(masters);
    owners = next;
    whole = !next.includes(undefined);
    masters = [...new Set(next)].filter((node) => node !== undefined).sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const node of masters) if (!before.has(node)) node.verify(); // it may have been a replica when the connection was opened
    for (const [address, node] of nodes) {
      if (masters.includes(node) || seeds.includes(address)) continue;
      nodes.delete(address);
      node.close();
    }
    onChange();
  };
  const look = async () => {
    if (looking || closed) return;
    looking = true;
    soon = false;
    cancel();
    try {
      for (const node of [...nodes.values()].filter((one) => one.isUp())) {
        const ranges = await node.send('CLUSTER', ['SLOTS']).catch(() => undefined);
        if (closed) return;
        if (ranges === undefined) continue;
        const next = ownersBy(ranges as readonly SlotRange[], node.name);
        if (next.some((owner, slot) => owner !== owners[slot])) own(next);
        break;
      }
    } finally {
      looking = false;
      const fine = whole && masters.every((node) => node.isUp());
      if (!closed) lookIn(fine ? lookMs : lookSoonMs);
    }
  };
  const ownersBy = (ranges: readonly SlotRange[], asked: string) => {
    const next: (RedisNode | undefined)[] = new Array(slotCount).fill(undefined);
    for (const [from, to, [host, port]] of ranges) {
      // A node that does not know its own name sends none, and means the node that answers (CLUSTER SLOTS, "preferred
      // endpoint").
      const name = host === null || host.length === 0 || String(host) === '?' ? parseAddress(asked).host : String(host);
      next.fill(nodeAt(name.includes(':') ? `[${name}]:${port}` : `${name}:${port}`), from, to + 1);
    }
    return next;
  };
  const doubt = () => {
    if (closed || looking || soon) return;
    soon = true;
    lookIn(lookSoonMs / 10);
  };
  for (const seed of seeds) nodeAt(seed);
  doubt();
  return {
    nodeOf: (slot) => owners[slot],
    masters: () => masters,
    nodes: () => [...nodes.values()],
    isWhole: () => whole,
    moved: (slot, address) => {
      const node = nodeAt(address);
      if (owners[slot] !== node) {
        const next = [...owners];
        next[slot] = node;
        own(next);
        doubt();
      }
      return node;
    },
    at: nodeAt,
    doubt,
    close: () => {
      closed = true;
      cancel();
      for (const node of nodes.values()) node.close();
    },
  };
}
