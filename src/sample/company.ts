import { readFileSync } from 'node:fs';
import type { JWTVerifyGetKey } from 'jose';
import { ChannelCredentials, createChannel, createClient, createServer, Metadata } from 'nice-grpc';
import type { Clock } from '../core/kit/clock.ts';
import { AccountServiceDefinition } from '../gen/accounts/v1/account.ts';
import { CourierServiceDefinition, TrackResponse } from '../gen/couriers/v1/courier.ts';
import { OrderServiceDefinition } from '../gen/orders/v1/order.ts';
import { PublisherServiceDefinition } from '../gen/portico/internal/v1/publisher.ts';
import { PromotionServiceDefinition } from '../gen/promotions/v1/promotion.ts';
import { accounts } from './accounts.ts';
import { type Behaviour, behaving, garbling } from './behaviour.ts';
import { authoriseBy } from './caller.ts';
import { couriers, trackOf } from './couriers.ts';
import { orders } from './orders.ts';
import { promotions } from './promotions.ts';
import { openWorld, type World } from './world.ts';

/** The sample company's internal services, by the names of their upstreams. */
export const serviceNames = ['accounts', 'orders', 'couriers', 'promotions'] as const;
export type ServiceName = (typeof serviceNames)[number];

/** How a service reaches the server to report changes. */
export type PublisherTarget = {
  /** "127.0.0.1:8444" */ readonly address: string;
  readonly caFile: string /** A service token. */;
  readonly token: string;
};

export type ServiceOptions = {
  readonly clock: Clock;
  /** The server's public keys, which verify internal tokens. */
  readonly keys: JWTVerifyGetKey;
  /** The server's `auth.issuer`. */
  readonly issuer: string;
  readonly world: World;
  /** Called for each call. */
  readonly behaviour: () => Behaviour;
  /** 0 takes a free one. */
  readonly port: number;
};

/** Starts one of the services on loopback. */
export async function openService(name: ServiceName, options: ServiceOptions): Promise<{ readonly address: string; close(): void }> {
  const { clock, keys, issuer, world, behaviour, port } = options;
  const authorise = authoriseBy(keys, issuer, name);
  const server = createServer().use(behaving(behaviour, clock));
  switch (name) {
    case 'accounts':
      server.add(garbling(AccountServiceDefinition, behaviour), accounts(authorise));
      break;
    case 'orders':
      server.add(garbling(OrderServiceDefinition, behaviour), orders(authorise, world));
      break;
    case 'couriers':
      server.add(garbling(CourierServiceDefinition, behaviour), couriers(authorise, world, clock));
      break;
    case 'promotions':
      server.add(garbling(PromotionServiceDefinition, behaviour), promotions(authorise, clock));
  }
  const bound = await server.listen(`127.0.0.1:${port}`);
  return { address: `127.0.0.1:${bound}`, close: () => server.forceShutdown() };
}

export type Company = {
  /** By name: "127.0.0.1:41234". */
  readonly addresses: Readonly<Record<ServiceName, string>>;
  readonly world: World;
  /** From now on the company reports every change to the server. */
  publishTo(target: PublisherTarget): void;
  close(): void;
};

/** Starts the whole company in this process, on free ports of loopback. */
export async function openCompany({ clock, keys, issuer }: Pick<ServiceOptions, 'clock' | 'keys' | 'issuer'>): Promise<Company> {
  const world = openWorld(clock);
  const opened = await Promise.all(serviceNames.map((name) => openService(name, { clock, keys, issuer, world, behaviour: () => 'well', port: 0 })));
  const addresses = Object.fromEntries(serviceNames.map((name, i) => [name, opened[i]?.address])) as Record<ServiceName, string>;
  let stopPublishing = () => {};
  return {
    addresses,
    world,
    publishTo: (target) => {
      stopPublishing = publishChanges(world, target, clock);
    },
    close: () => {
      stopPublishing();
      world.close();
      for (const { close } of opened) close();
    },
  };
}

/** The company as dev starts it beside the server. */
export const sampleCompany = {
  names: serviceNames,
  open: openCompany,
  /** "delivery:1003": the positions of an order's courier, for whoever may see the order. */
  namespaces: {
    delivery: {
      listen: 'method',
      method: 'app.v1.OrderService/GetOrder',
      field: 'order_id',
      history: 10,
      historyAge: 60_000,
      conflate: true,
      publish: false,
      scopes: [],
    },
  },
} as const;

/** The interval of the published positions. Milliseconds. */
const positionsEveryMs = 2_000;

/**
 * Reports changes to the server, so that no client receives an old answer, and publishes the positions of couriers. A
 * report that fails is printed on stderr; the answers then expire by their ttl.
 * @returns stops it
 */
export function publishChanges(world: World, { address, caFile, token }: PublisherTarget, clock: Clock): () => void {
  const channel = createChannel(address, ChannelCredentials.createSsl(readFileSync(caFile)));
  const client = createClient(PublisherServiceDefinition, channel);
  const metadata = Metadata({ authorization: `Bearer ${token}` });
  const report = (what: string, sent: Promise<unknown>) =>
    sent.catch((error: unknown) => console.error(`The server did not receive ${what}: ${error instanceof Error ? error.message : error}`));
  world.onChange((tags) => void report(`the change of ${tags.join(' and ')}`, client.invalidate({ tags: [...tags] }, { metadata })));
  const publishPositions = () => {
    const events = world.active().map((parcel) => ({
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
