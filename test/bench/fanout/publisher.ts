// An internal service that publishes.
import { ChannelCredentials } from '@grpc/grpc-js';
import { createChannel, createClient, Metadata } from 'nice-grpc';
import { type PublishedEvent, PublisherServiceDefinition } from '../../../src/gen/portico/internal/v1/publisher.ts';

export type Publisher = {
  publish(events: PublishedEvent[]): Promise<void>;
  invalidate(tags: string[]): Promise<void>;
  close(): void;
};

export function openPublisher(port: number, ca: Buffer, token: string): Publisher {
  const channel = createChannel(`https://localhost:${port}`, ChannelCredentials.createSsl(ca));
  const client = createClient(PublisherServiceDefinition, channel);
  const metadata = Metadata({ authorization: `Bearer ${token}` });
  return {
    publish: async (events) => {
      await client.publish({ events }, { metadata });
    },
    invalidate: async (tags) => {
      await client.invalidate({ tags }, { metadata });
    },
    close: () => channel.close(),
  };
}
