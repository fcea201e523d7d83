import { Redis } from 'ioredis';
import type { Clock } from '../../kit/clock.ts';
import type { RedisNode } from './connection/redis-node.ts';
import { connectionOptions, reconnect } from './connection/timeouts-and-reconnects.ts';

/** The one subscriber connection to one Redis. It knows channels, but not their subscribers. */
export type BusConnection = {
  readonly node: RedisNode;
  isReady(): boolean;
  /** False while a probe is missing: subscriptions may receive nothing. */
  isHeard(): boolean;
  /** Subscribes channels of one slot. @throws the error of the server, or of a connection that breaks before */
  subscribe(channels: readonly string[]): Promise<void>;
  unsubscribe(channel: string): void;
  close(): void;
};

type BusConnectionParts = {
  readonly clock: Clock;
  /** A channel whose slot this Redis has, for probes; undefined while there is nothing to probe. */
  readonly probeChannel: () => string | undefined;
  /** Publishes on the path of every publisher. */
  readonly publish: (channel: string, bytes: Uint8Array) => Promise<unknown>;
  readonly onMessage: (channel: string, bytes: Buffer) => void;
  readonly onReady: () => void;
  /** All its subscriptions have ended. */
  readonly onLost: () => void;
  /** The server ended the subscription of some channels, because their slot moved. */
  readonly onTaken: (left: ReadonlySet<string>) => void;
};

/** After this time without a message a probe checks that the connection still receives. Milliseconds. */
const silenceMs = 1_000;
/** The time limit of a probe through Redis and back. Milliseconds. */
const probeMs = 500;
const missesMax = 2;

export function openBusConnection(node: RedisNode, parts: BusConnectionParts): BusConnection {
  const { clock } = parts;
  const redis = new Redis({
    ...connectionOptions,
    commandTimeout: 2_000,
    autoResubscribe: false, // the bus decides what to subscribe, and where
    ...node.address,
    connectionName: 'portico-bus',
  });
  let ready = false;
  let misses = 0;
  let heardAtMs = clock.monotonicMs();
  let probing: string | undefined;
  let cancel = () => {};

  const watch = (delayMs: number) => {
    cancel();
    cancel = clock.after(delayMs, look);
  };
  const look = () => {
    const quietMs = clock.monotonicMs() - heardAtMs;
    if (misses === 0 && quietMs < silenceMs) return watch(silenceMs - quietMs);
    const channel = parts.probeChannel();
    if (channel === undefined) return watch(silenceMs);
    const sentAtMs = clock.monotonicMs();
    probe(channel).catch(() => {}); // a probe that cannot be sent counts as missing
    cancel = clock.after(probeMs, () => endProbe(sentAtMs));
  };
  const probe = async (channel: string) => {
    if (probing !== channel) {
      if (probing !== undefined) redis.sunsubscribe(probing).catch(() => {});
      probing = undefined;
      await redis.ssubscribe(channel);
      probing = channel;
    }
    await parts.publish(channel, new Uint8Array());
  };
  const endProbe = (sentAtMs: number) => {
    if (heardAtMs >= sentAtMs) return watch(silenceMs);
    misses++;
    if (misses >= missesMax) redis.disconnect(true);
    else look();
  };
  const heard = () => {
    heardAtMs = clock.monotonicMs();
    misses = 0;
  };
  let closed = false;
  reconnect(redis, clock, () => closed);
  redis.on('error', () => {}); // the connection for commands reports the error
  redis.on('smessageBuffer', (channel: Buffer, bytes: Buffer) => {
    heard();
    const name = channel.toString();
    if (name !== probing) parts.onMessage(name, bytes);
  });
  redis.on('moved', () => {
    if (!ready) return;
    const left = channelsOf(redis);
    if (probing !== undefined && !left.has(probing)) probing = undefined;
    parts.onTaken(left);
  });
  redis.on('ready', () => {
    ready = true;
    misses = 0;
    heardAtMs = clock.monotonicMs();
    probing = undefined;
    watch(silenceMs);
    parts.onReady();
  });
  redis.on('close', () => {
    cancel();
    if (!ready) return;
    ready = false;
    parts.onLost();
  });
  return {
    node,
    isReady: () => ready,
    isHeard: () => misses === 0,
    subscribe: async (channels) => {
      await redis.ssubscribe(...channels);
    },
    unsubscribe: (channel) => {
      if (ready) redis.sunsubscribe(channel).catch(() => {}); // a broken connection has unsubscribed, too
    },
    close: () => {
      closed = true;
      cancel();
      ready = false;
      redis.disconnect();
    },
  };
}

/** The subscriptions that the server has confirmed. */
function channelsOf({ condition }: Redis): ReadonlySet<string> {
  return new Set(condition === null || condition.subscriber === false ? [] : condition.subscriber.channels('ssubscribe'));
}
