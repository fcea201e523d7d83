import { readFileSync } from 'node:fs';
import { ChannelCredentials, createChannel, createClient, Metadata } from 'nice-grpc';
import type { Clock } from '../core/kit/clock.ts';
import { TrackResponse } from '../gen/couriers/v1/courier.ts';
import { PublisherServiceDefinition } from '../gen/portico/internal/v1/publisher.ts';
import { trackOf } from './couriers-service.ts';
import type { Parcels } from './parcels.ts';

/** How a service reaches the server to report changes. */
export type PublisherTarget = {
  /** "127.0.0.1:8444" */ readonly address: string;
  readonly caFile: string /** A service token. */;
  readonly token: string;
};

/** The interval of the published positions. Milliseconds. */
const positionsEveryMs = 2_000;

/**
 * Reports changes to the server, so that no client receives an old answer, and publishes the positions of couriers. A
 * report that fails is printed on stderr; the answers then expire by their ttl.
 * @returns stops it
 */
export function publishChanges(parcels: Parcels, { address, caFile, token }: PublisherTarget, clock: Clock): () => void {
  const channel = createChannel(address, ChannelCredentials.createSsl(readFileSync(caFile)));
  const client = createClient(PublisherServiceDefinition, channel);
  const metadata = Metadata({ authorization: `Bearer ${token}` });
  const report = (what: string, sent: Promise<unknown>) =>
    sent.catch((error: unknown) => console.error(`The server did not receive ${what}: ${error instanceof Error ? error.message : error}`));
  parcels.onChange((tags) => void report(`the change of ${tags.join(' and ')}`, client.invalidate({ tags: [...tags] }, { metadata })));
  const publishPositions = () => {
    const events = parcels.active().map((parcel) => ({
      topic: `delivery:${parcel.orderId}`,
      key: 'position',
      payload: TrackResponse.encode(trackOf(parcel, clock.nowMs())).finish() as Buffer,
    }));
    if (events.length > 0) void report('the positions of couriers', client.publish({ events: events.slice(0, 100) }, { metadata }));
    cancel = clock.after(positionsEveryMs, publishPositions);
  };
  let cancel = clock.after(positionsEveryMs, publishPositions);
  return () => {
    cancel();
    channel.close();
  };
}
