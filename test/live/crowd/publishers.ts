// Internal services that publish: one for each topic, which goes on with the next events when the last are confirmed.

import { setTimeout as sleep } from 'node:timers/promises';
import { ChannelCredentials } from '@grpc/grpc-js';
import { type Channel, createChannel, createClient, Metadata } from 'nice-grpc';
import { PublisherServiceDefinition } from '../../../src/gen/portico/internal/v1/publisher.ts';

export type PublishersParts = {
  readonly topics: readonly string[];
  /** Ports of internal listeners: which of them is asked is chance. */
  readonly ports: readonly number[];
  readonly ca: string;
  readonly serviceToken: string;
  readonly random: () => number;
  /** Of all topics together. */
  readonly eventsPerSecond: number;
  /** Of each payload: its number, and spaces. Default: nothing but the number. */
  readonly eventBytes?: number;
};

/** What was published to a topic: the payload of an event is its number, its place in this list. */
export type Published = {
  /** The numbers of the events that the log has now, by offset - 1. */
  readonly log: number[];
  /** By number: that of the event before it in the log, -1 for the first. */
  readonly before: number[];
};

export type Publishers = {
  readonly published: ReadonlyMap<string, Published>;
  /** Publishes so many events, over all topics; resolved when all are confirmed. */
  publish(events: number): Promise<void>;
  /** At any replica. */
  invalidate(tags: readonly string[]): Promise<void>;
  close(): void;
};

const callMs = 4_000;
const againMs = 100;
/** Events of one call at most. */
export const batchMost = 20;

export function openPublishers({ topics, ports, ca, serviceToken, random, eventsPerSecond, eventBytes = 0 }: PublishersParts): Publishers {
  const options = { 'grpc.initial_reconnect_backoff_ms': 100, 'grpc.max_reconnect_backoff_ms': 500 };
  const channels = ports.map((port): Channel => createChannel(`https://localhost:${port}`, ChannelCredentials.createSsl(Buffer.from(ca)), options));
  const clients = channels.map((channel) => createClient(PublisherServiceDefinition, channel));
  const metadata = Metadata({ authorization: `Bearer ${serviceToken}` });
  const published = new Map(topics.map((topic): [string, Published] => [topic, { log: [], before: [] }]));
  const pick = () => clients[Math.floor(random() * clients.length)];
  let closed = false;

  /** Tries again with the same request ids, at any replica, until it is confirmed. @returns the offsets */
  const insist = async (topic: string, numbers: readonly number[]): Promise<readonly number[]> => {
    const events = numbers.map((n) => ({ topic, payload: Buffer.from(String(n).padEnd(eventBytes)), requestId: `${n}`, key: '' }));
    while (!closed) {
      try {
        const { offsets = [] } = (await pick()?.publish({ events }, { metadata, signal: AbortSignal.timeout(callMs) })) ?? {};
        return offsets.map(Number);
      } catch {
        await sleep(againMs); // whether it was done is not known
      }
    }
    return [];
  };
  const publishTo = async (topic: string, events: number, perSecond: number) => {
    const { log, before } = published.get(topic) as Published;
    const beganMs = performance.now();
    for (let done = 0; done < events; ) {
      const count = Math.min(events - done, 1 + Math.floor(random() * batchMost));
      const numbers = Array.from({ length: count }, (_, i) => before.length + i);
      const offsets = await insist(topic, numbers);
      for (const [i, offset] of offsets.entries()) {
        log.length = Math.min(log.length, offset - 1); // a log that lost its end gives the offsets once more
        before.push(log.at(offset - 2) ?? -1);
        log[offset - 1] = numbers[i] as number;
      }
      done += count;
      await sleep(Math.max(0, beganMs + (done / perSecond) * 1_000 - performance.now()));
    }
  };
  return {
    published,
    publish: async (events) => {
      const each = Math.ceil(events / topics.length);
      await Promise.all(topics.map((topic) => publishTo(topic, each, eventsPerSecond / topics.length)));
    },
    invalidate: async (tags) => {
      await pick()?.invalidate({ tags: [...tags] }, { metadata });
    },
    close: () => {
      closed = true;
      for (const channel of channels) channel.close();
    },
  };
}
