import type { Meter } from '@opentelemetry/api';
import type { Clock } from '../../kit/clock.ts';
import { slotOf } from '../../kit/partitions.ts';
import type { Bus, BusListener } from '../../ports/bus.ts';
import { checkMessage, checkTopic, checkTopics } from '../../ports/bus-limits.ts';
import type { Log } from '../../ports/log.ts';
import { type BusConnection, openBusConnection } from './bus-connection.ts';
import type { Redis } from './connection/open-redis.ts';
import { firstWord } from './connection/redis-error.ts';
import type { RedisNode } from './connection/redis-node.ts';
import { busChannel, placeOf } from './redis-keys.ts';

/**
 * `confirmed`: it receives from a subscription that has worked since. Otherwise it still waits for its first
 * confirmation.
 */
type Listener = BusListener & { confirmed: boolean; readonly whole: () => void; readonly fail: (why: unknown) => void };

type Topic = {
  readonly name: string;
  readonly channel: string;
  readonly slot: number;
  readonly listeners: Set<Listener>;
  /** The connection with its confirmed subscription. */
  connection: BusConnection | undefined;
  /** The connection with its requested subscription. */
  asked: BusConnection | undefined;
};

export type BusParts = {
  readonly redis: Redis;
  readonly clock: Clock;
  readonly log: Log;
  /** Distinguishes this process' probes from those of others. */
  readonly id: string;
  readonly meter?: Meter;
};

/** The largest number of channels of one SSUBSCRIBE. */
const batchMax = 512;
/** The delay before a refused subscription is tried again. Milliseconds. */
const againMs = 100;

/**
 * The bus on sharded pub/sub: a channel `<prefix>{partition}.<topic>` for each topic, one subscriber connection for
 * each Redis that has slots. After a loss of connections or slots each topic is subscribed again where its slot is, and
 * its subscribers are notified of the gap.
 */
export function redisBus({ redis, clock, log, id, meter }: BusParts): Bus & { close(): void } {
  const topics = new Map<string, Topic>();
  const connections = new Map<RedisNode, BusConnection>();
  const gaps = meter?.createCounter('portico.bus.gaps', { description: 'Topics whose subscription was interrupted and works again.' });
  meter
    ?.createObservableGauge('portico.bus.topics', { description: 'Topics to which this replica is subscribed.' })
    .addCallback((result) => result.observe(topics.size));
  let closed = false;
  let toAsk = new Set<Topic>();

  const publish = async (channel: string, bytes: Uint8Array) =>
    Number(await redis.call(channel, 'SPUBLISH', channel, Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)));
  const subscribedAt = (connection: BusConnection): Topic | undefined => {
    for (const topic of topics.values()) if (topic.connection === connection) return topic;
    return undefined;
  };
  const each = ({ name, listeners }: Topic, what: (listener: Listener) => void) => {
    for (const listener of [...listeners]) {
      try {
        what(listener);
      } catch (error) {
        log.error('A listener of the bus failed.', { topic: name, error });
      }
    }
  };
  const connectionTo = (node: RedisNode): BusConnection => {
    const known = connections.get(node);
    if (known !== undefined) return known;
    const connection: BusConnection = openBusConnection(node, {
      clock,
      publish,
      probeChannel: () => {
        const topic = subscribedAt(connection);
        return topic && `${placeOf(redis.prefix, topic.name)}.~probe.${id}`;
      },
      onMessage: (channel, bytes) => {
        const topic = byChannel.get(channel);
        if (topic?.connection === connection) each(topic, ({ confirmed, onMessage }) => confirmed && onMessage(bytes));
      },
      onReady: placeAll,
      onLost: () => {
        for (const topic of topics.values()) forget(topic, connection);
      },
      onTaken: (left) => {
        redis.router.doubt();
        for (const topic of topics.values()) if (!left.has(topic.channel)) forget(topic, connection);
        placeAll();
      },
    });
    connections.set(node, connection);
    return connection;
  };
  const byChannel = new Map<string, Topic>();
  const forget = (topic: Topic, connection: BusConnection) => {
    if (topic.connection === connection) topic.connection = undefined;
    if (topic.asked === connection) topic.asked = undefined;
  };
  /** Subscribes a topic where its slot is now. */
  const place = (topic: Topic) => {
    const node = redis.router.nodeOf(redis.mode === 'cluster' ? topic.slot : 0);
    if (node === undefined || closed) return;
    const connection = connectionTo(node);
    if (topic.connection !== undefined && topic.connection !== connection) {
      topic.connection.unsubscribe(topic.channel);
      topic.connection = undefined;
    }
    if (topic.connection === connection || topic.asked === connection || !connection.isReady()) return;
    topic.asked = connection;
    if (toAsk.size === 0) queueMicrotask(ask); // all requests of one turn together
    toAsk.add(topic);
  };
  const placeAll = () => {
    const masters = new Set(redis.router.masters());
    for (const topic of topics.values()) place(topic);
    for (const [node, connection] of connections) {
      if (masters.has(node)) continue;
      connections.delete(node);
      connection.close();
      for (const topic of topics.values()) forget(topic, connection);
    }
  };
  const ask = () => {
    const groups = new Map<BusConnection, Map<number, Topic[]>>();
    for (const topic of toAsk) {
      const connection = topic.asked;
      if (connection === undefined || topic.listeners.size === 0) continue;
      const bySlot = groups.get(connection) ?? new Map<number, Topic[]>();
      groups.set(connection, bySlot);
      const group = bySlot.get(topic.slot) ?? [];
      bySlot.set(topic.slot, group);
      group.push(topic);
    }
    toAsk = new Set();
    for (const [connection, bySlot] of groups)
      for (const group of bySlot.values())
        for (let i = 0; i < group.length; i += batchMax) void subscribeAll(connection, group.slice(i, i + batchMax));
  };
  const subscribeAll = async (connection: BusConnection, group: readonly Topic[]) => {
    try {
      await connection.subscribe(group.map(({ channel }) => channel));
    } catch (error) {
      const [, slot, address] = firstWord(error) === 'MOVED' ? (error as Error).message.split(' ') : [];
      for (const topic of group) forget(topic, connection);
      if (address !== undefined) redis.router.moved(Number(slot), address);
      clock.after(againMs, placeAll);
      return;
    }
    for (const topic of group) {
      if (topic.asked !== connection) {
        const wanted = byChannel.get(topic.channel); // of the same name, if there is a new subscriber
        if (wanted?.connection !== connection && wanted?.asked !== connection) connection.unsubscribe(topic.channel);
        continue;
      }
      topic.asked = undefined;
      topic.connection = connection;
      becameWhole(topic);
    }
  };
  const becameWhole = (topic: Topic) => {
    const known = [...topic.listeners].filter(({ confirmed }) => confirmed);
    if (known.length > 0) gaps?.add(1);
    for (const listener of topic.listeners) {
      if (listener.confirmed) continue;
      listener.confirmed = true;
      listener.whole();
    }
    each(topic, (listener) => known.includes(listener) && listener.onGap());
  };
  const leave = (topic: Topic, listener: Listener) => {
    topic.listeners.delete(listener);
    if (topic.listeners.size > 0 || topics.get(topic.name) !== topic) return;
    topics.delete(topic.name);
    byChannel.delete(topic.channel);
    topic.connection?.unsubscribe(topic.channel);
    topic.connection = undefined;
    topic.asked = undefined;
  };
  const join = (name: string): Topic => {
    const known = topics.get(name);
    if (known !== undefined) return known;
    checkTopics(topics.size);
    const channel = busChannel(redis.prefix, name);
    const topic: Topic = { name, channel, slot: slotOf(channel), listeners: new Set(), connection: undefined, asked: undefined };
    topics.set(name, topic);
    byChannel.set(channel, topic);
    return topic;
  };
  const stopListening = redis.onChange(placeAll);
  return {
    publish: async (topic, bytes) => {
      checkTopic(topic);
      checkMessage(bytes);
      return publish(busChannel(redis.prefix, topic), bytes);
    },
    subscribe: async (name, { onMessage, onGap }, signal) => {
      checkTopic(name);
      signal?.throwIfAborted();
      const topic = join(name);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      const listener: Listener = { onMessage, onGap, confirmed: topic.connection !== undefined, whole: resolve, fail: reject };
      topic.listeners.add(listener);
      if (listener.confirmed) resolve();
      const onAbort = () => {
        leave(topic, listener);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      place(topic);
      await promise;
      signal?.removeEventListener('abort', onAbort);
      return {
        isWhole: () => topic.connection?.isHeard() === true && topic.listeners.has(listener),
        close: () => leave(topic, listener),
      };
    },
    close: () => {
      closed = true;
      stopListening();
      for (const connection of connections.values()) connection.close();
      for (const topic of topics.values()) each(topic, ({ confirmed, fail }) => confirmed || fail(new Error('The bus was closed.')));
    },
  };
}
