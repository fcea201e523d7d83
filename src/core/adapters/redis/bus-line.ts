import { Redis } from 'ioredis';
import type { Clock } from '../../kit/clock.ts';
import { connectAgain } from './connection/connect-again.ts';
import { connectionOptions, type RedisNode } from './connection/redis-node.ts';

/** The one subscriber connection to one Redis. It knows channels, nothing of who listens. */
export type BusLine = {
  readonly node: RedisNode;
  isReady(): boolean;
  /** False while a probe is missing: what is subscribed may be deaf. */
  isHeard(): boolean;
  /** Subscribes channels of one slot. @throws what the server said; also when the connection breaks before */
  subscribe(channels: readonly string[]): Promise<void>;
  unsubscribe(channel: string): void;
  close(): void;
};

type LineParts = {
  readonly clock: Clock;
  /** A channel whose slot this Redis has, for probes; undefined while there is nothing to prove. */
  readonly probeChannel: () => string | undefined;
  /** Publishes as everybody does. */
  readonly publish: (channel: string, bytes: Uint8Array) => Promise<void>;
  readonly onMessage: (channel: string, bytes: Buffer) => void;
  readonly onReady: () => void;
  /** All its subscriptions are gone. */
  readonly onLost: () => void;
  /** The server took some channels from us: their slot moved. */
  readonly onTaken: (left: ReadonlySet<string>) => void;
};

/** After this long without a message it is proven that the line still hears. Milliseconds. */
const silenceMs = 1_000;
/** How long a probe may take from us through Redis back to us. Milliseconds. */
const probeMs = 500;
const missesMax = 2;

export function openBusLine(node: RedisNode, parts: LineParts): BusLine {
  const { clock } = parts;
  const redis = new Redis({
    ...connectionOptions,
    commandTimeout: 2_000,
    autoResubscribe: false, // we know better what is still wanted, and where
    connectionName: 'portico-bus',
    ...node.address,
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
    probe(channel).catch(() => {}); // one that could not be sent is one that is missing
    cancel = clock.after(probeMs, () => judge(sentAtMs));
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
  const judge = (sentAtMs: number) => {
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
  connectAgain(redis, clock, () => closed);
  redis.on('error', () => {}); // the connection for commands says what is wrong
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
      if (ready) redis.sunsubscribe(channel).catch(() => {}); // a connection that breaks has unsubscribed too
    },
    close: () => {
      closed = true;
      cancel();
      ready = false;
      redis.disconnect();
    },
  };
}

/** What the server has for us, as far as it told. */
function channelsOf({ condition }: Redis): ReadonlySet<string> {
  return new Set(condition === null || condition.subscriber === false ? [] : condition.subscriber.channels('ssubscribe'));
}
