import { createHash } from 'node:crypto';
import type { Meter } from '@opentelemetry/api';
import type { Clock } from '../../../kit/clock.ts';
import { slotOf } from '../../../kit/partitions.ts';
import { StoreDown } from '../../../kit/store-down.ts';
import type { Log } from '../../../ports/log.ts';
import { credentials, parseAddress, type RedisPlace, sentinelAddress, singleAddress } from './redis-address.ts';
import { firstWord } from './redis-error.ts';
import { openRedisNode, type RedisNode, type Word } from './redis-node.ts';
import { clusterNodes, oneNode, type RedisRouter, redirectsMax } from './redis-router.ts';
import type { RedisScript } from './redis-script.ts';
import { misfitsOf } from './required-version-and-eviction.ts';
import { commandTimeoutMs } from './timeouts-and-reconnects.ts';

/**
 * One Redis, the primary that Sentinels name, or a Cluster, with one interface. An unavailable Redis fails at once
 * (StoreDown), and reconnects by itself.
 */
export type Redis = {
  /** The prefix of each key and channel. */
  readonly prefix: string;
  readonly mode: RedisPlace['mode'];
  /**
   * A command where a key is. All keys of one command must have one slot in a Cluster.
   * @returns the reply: texts as Buffers, numbers as numbers, nothing as null
   * @throws StoreDown
   */
  call(key: string, command: string, ...words: readonly Word[]): Promise<unknown>;
  /** A script with its keys (all of one slot, at least one) and arguments, in one step. Throws as `call` does. */
  run(script: RedisScript, keys: readonly string[], words?: readonly Word[]): Promise<unknown>;
  /**
   * Reads keys of any slots: one MGET, in a Cluster one for each slot, all sent at once. Throws as `call` does, when
   * any of them fails.
   */
  mget(keys: readonly string[]): Promise<readonly (Buffer | null)[]>;
  /**
   * Changes with each restart, fail-over and promotion: earlier writes may be lost or restored, so all state of an
   * earlier generation is ignored. Undefined while it is not known.
   */
  generation(): string | undefined;
  /**
   * Whether the generation is of a server with this replication id. If not, a server was promoted without a new
   * connection: INFO is read again before any other command.
   */
  knows(replicationId: string): boolean;
  state(): RedisState;
  /** The known requirements that it does not meet, as lines for operators. */
  misfits(): readonly string[];
  /**
   * Calls back when any of generation, state and the places of slots may have changed.
   * @returns removes the callback
   */
  onChange(callback: () => void): () => void;
  /** The slot map, for components with their own connections. */
  readonly router: RedisRouter;
  close(): void;
};

export type RedisState = {
  readonly up: boolean;
  /** Since when, by the clock: milliseconds since 1970. */
  readonly sinceMs: number;
  /** Errors by node, for operators. Empty when up. */
  readonly troubles: readonly string[];
};

/** Begins to connect. @throws Error when a file of `tls` cannot be read */
export function openRedis(
  place: RedisPlace,
  { clock, log, meter, name = 'portico' }: { readonly clock: Clock; readonly log: Log; readonly meter?: Meter; readonly name?: string },
): Redis {
  const callbacks = new Set<() => void>();
  let generation: string | undefined;
  let up = false;
  let sinceMs = clock.nowMs();
  const troubles = () => {
    const whole = router.isWhole();
    const down = (whole ? router.masters() : router.nodes()).filter((node) => !node.isUp());
    const lines = down.map((node) => `Redis ${node.name} is unavailable: ${node.trouble() ?? 'not connected'}`);
    return whole ? lines : [...lines, 'Redis Cluster: it is not known where all slots are'];
  };
  const changed = () => {
    const { masters, isWhole } = router;
    const infos = masters().map((node) => node.info());
    const known = isWhole() && infos.length > 0 && !infos.includes(undefined);
    generation = known ? generationOf(infos.map((info) => `${info?.runId} ${info?.replicationId}`)) : undefined;
    const wrong = troubles();
    if (up !== (wrong.length === 0)) {
      up = !up;
      if (up) log.info('Redis answers.', { down_ms: clock.nowMs() - sinceMs });
      else log.warn('Redis is unavailable: every replica continues without it.', { troubles: wrong });
      sinceMs = clock.nowMs();
    }
    for (const callback of [...callbacks]) callback();
  };
  const later = () => queueMicrotask(() => !closed && changed()); // nodes may report it while the router is being built
  let closed = false;
  const router = openRouter(place, name, clock, later);

  const failures = meter?.createCounter('portico.store.failures', { description: 'Commands that Redis did not execute, by cause.' });
  meter
    ?.createObservableGauge('portico.store.up', { description: '1 while every Redis that the server needs answers.' })
    .addCallback((result) => result.observe(up ? 1 : 0));
  meter
    ?.createObservableGauge('portico.store.pending', { description: 'Commands without a reply of Redis yet.' })
    .addCallback((result) => result.observe(router.nodes().reduce((sum, node) => sum + node.pending(), 0)));
  const counted = (error: unknown): never => {
    if (error instanceof StoreDown) failures?.add(1, { 'portico.store.why': error.why });
    throw error;
  };

  const send = async (slot: number, command: string, words: readonly Word[]): Promise<unknown> => {
    let node = router.nodeOf(slot);
    let asking = false;
    for (let redirects = 0; ; redirects++) {
      if (node === undefined) throw new StoreDown('gone', `Redis: no node is known to have slot ${slot}.`);
      if (redirects > 0 && !node.isUp()) await untilUp(node);
      try {
        if (!asking) return await node.send(command, words);
        return (await node.sendTogether([['ASKING'], [command, ...words]]))[1];
      } catch (error) {
        const [word, , address] = redirectOf(error);
        if (word === undefined || redirects >= redirectsMax) {
          if (error instanceof StoreDown) router.doubt();
          throw word === undefined ? error : new StoreDown('moving', 'Redis Cluster: the slot is just moving.', { cause: error });
        }
        asking = word === 'ASK';
        node = asking ? router.at(address) : router.moved(slot, address);
      }
    }
  };
  const untilUp = (node: RedisNode) =>
    new Promise<void>((resolve) => {
      const done = () => {
        callbacks.delete(look);
        cancel();
        resolve();
      };
      const look = () => {
        if (node.isUp()) done();
      };
      callbacks.add(look);
      const cancel = clock.after(commandTimeoutMs, done);
    });
  const slotFor = (key: string) => (place.mode === 'cluster' ? slotOf(key) : 0);
  const call: Redis['call'] = (key, command, ...words) => send(slotFor(key), command, words).catch(counted);
  return {
    prefix: place.prefix,
    mode: place.mode,
    router,
    call,
    run: async ({ sha, source }, keys, words = []) => {
      const slot = slotFor(keys[0] ?? '');
      try {
        return await send(slot, 'EVALSHA', [sha, keys.length, ...keys, ...words]);
      } catch (error) {
        if (firstWord(error) !== 'NOSCRIPT') return counted(error);
      }
      return send(slot, 'EVAL', [source, keys.length, ...keys, ...words]).catch((error: unknown) => {
        if (firstWord(error) !== 'NOSCRIPT') return counted(error);
        return counted(new StoreDown('refused', 'Redis does not take a script that was sent to it in full.', { cause: error })); // a proxy's answer
      });
    },
    mget: async (keys) => {
      if (keys.length === 0) return [];
      if (place.mode !== 'cluster') return (await call('', 'MGET', ...keys)) as (Buffer | null)[];
      const bySlot = new Map<number, number[]>();
      for (const [i, key] of keys.entries()) {
        const slot = slotOf(key);
        const places = bySlot.get(slot);
        if (places === undefined) bySlot.set(slot, [i]);
        else places.push(i);
      }
      const values: (Buffer | null)[] = new Array(keys.length).fill(null);
      await Promise.all(
        [...bySlot].map(async ([slot, places]) => {
          const words = places.map((i) => keys[i] as string);
          const got = (await send(slot, 'MGET', words).catch(counted)) as (Buffer | null)[];
          for (const [j, i] of places.entries()) values[i] = got[j] ?? null;
        }),
      );
      return values;
    },
    generation: () => generation,
    knows: (replicationId) => {
      if (router.masters().some((node) => node.info()?.replicationId === replicationId)) return true;
      for (const node of router.masters()) node.verify();
      return false;
    },
    state: () => ({ up, sinceMs, troubles: troubles() }),
    misfits: () => misfitsOf(place, router.nodes()),
    onChange: (callback) => {
      callbacks.add(callback);
      return () => callbacks.delete(callback);
    },
    close: () => {
      closed = true;
      router.close();
    },
  };
}

function openRouter(place: RedisPlace, connectionName: string, clock: Clock, onChange: () => void): RedisRouter {
  const base = { ...credentials(place), connectionName };
  if (place.mode === 'cluster') return clusterNodes(place.nodes, base, { clock, onChange });
  const address = place.mode === 'sentinel' ? { ...sentinelAddress(place), ...base } : { ...singleAddress(place), ...base };
  const name = place.mode === 'sentinel' ? (place.masterName ?? '') : `${address.host}:${address.port}`;
  return oneNode(openRedisNode(name, address, { clock, masterOnly: true, onChange }));
}

function generationOf(ids: readonly string[]): string {
  return createHash('sha256')
    .update([...ids].sort().join('\n'))
    .digest('base64url')
    .slice(0, 16);
}

/** "MOVED 3999 127.0.0.1:6381", "ASK 3999 127.0.0.1:6381" */
function redirectOf(error: unknown): [word: 'MOVED' | 'ASK' | undefined, slot: string, address: string] {
  const word = firstWord(error);
  if (word !== 'MOVED' && word !== 'ASK') return [undefined, '', ''];
  const [, slot = '', address = ''] = (error as Error).message.split(' ');
  return [word, slot, parseAddress(address).host === '' ? '' : address];
}
