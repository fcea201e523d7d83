import type { JWTVerifyGetKey } from 'jose';
import { createServer } from 'nice-grpc';
import type { Clock } from '../core/kit/clock.ts';
import { AccountServiceDefinition } from '../gen/accounts/v1/account.ts';
import { CourierServiceDefinition } from '../gen/couriers/v1/courier.ts';
import { OrderServiceDefinition } from '../gen/orders/v1/order.ts';
import { ChatHookServiceDefinition } from '../gen/portico/internal/v1/chat_hook.ts';
import { ChatReportServiceDefinition, type ReportRequest } from '../gen/portico/internal/v1/chat_report.ts';
import { PromotionServiceDefinition } from '../gen/promotions/v1/promotion.ts';
import { accounts } from './accounts-service.ts';
import { answerChats, chatHook, type Said } from './answer-chat.ts';
import { authoriseBy } from './authorise-caller.ts';
import { couriers } from './couriers-service.ts';
import { type Behaviour, behaving, garbling } from './inject-faults.ts';
import { orders } from './orders-service.ts';
import { openParcels, type Parcels } from './parcels.ts';
import { promotions } from './promotions-service.ts';
import { type PublisherTarget, publishChanges } from './publish-changes.ts';
import { logReport, reportDesk } from './report-desk.ts';

/** The sample company's internal services, by the names of their upstreams. */
export const serviceNames = ['accounts', 'orders', 'couriers', 'promotions'] as const;
export type ServiceName = (typeof serviceNames)[number];

export type ServiceOptions = {
  readonly clock: Clock;
  /** The server's public keys, which verify internal tokens. */
  readonly keys: JWTVerifyGetKey;
  /** The server's `auth.issuer`. */
  readonly issuer: string;
  readonly parcels: Parcels;
  /** Called for each call. */
  readonly behaviour: () => Behaviour;
  /** Called for each message of a user about an order. */
  readonly onSaid?: (said: Said) => void;
  /** Called once for each message that a user has reported. */
  readonly onReported?: (report: ReportRequest) => void;
  /** 0 takes a free one. */
  readonly port: number;
};

/** Starts one of the services on loopback. */
export async function openService(name: ServiceName, options: ServiceOptions): Promise<{ readonly address: string; close(): void }> {
  const { clock, keys, issuer, parcels, behaviour, onSaid = () => {}, onReported = () => {}, port } = options;
  const authorise = authoriseBy(keys, issuer, name);
  const server = createServer().use(behaving(behaviour, clock));
  switch (name) {
    case 'accounts':
      server.add(garbling(AccountServiceDefinition, behaviour), accounts(authorise));
      break;
    case 'orders':
      server.add(garbling(OrderServiceDefinition, behaviour), orders(authorise, parcels));
      break;
    case 'couriers':
      server.add(garbling(CourierServiceDefinition, behaviour), couriers(authorise, parcels, clock));
      server.add(garbling(ChatHookServiceDefinition, behaviour), chatHook(authorise, onSaid));
      server.add(garbling(ChatReportServiceDefinition, behaviour), reportDesk(authorise, onReported));
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
  readonly parcels: Parcels;
  /** From now on the company reports every change to the server. */
  publishTo(target: PublisherTarget): void;
  close(): void;
};

/** Starts the whole company in this process, on free ports of loopback. */
export async function openCompany({ clock, keys, issuer }: Pick<ServiceOptions, 'clock' | 'keys' | 'issuer'>): Promise<Company> {
  const parcels = openParcels(clock);
  let stopPublishing = () => {};
  let answerChat: (said: Said) => void = () => {};
  const common = {
    clock,
    keys,
    issuer,
    parcels,
    behaviour: () => 'well' as const,
    onSaid: (said: Said) => answerChat(said),
    onReported: logReport,
    port: 0,
  };
  const opened = await Promise.all(serviceNames.map((name) => openService(name, common)));
  const addresses = Object.fromEntries(serviceNames.map((name, i) => [name, opened[i]?.address])) as Record<ServiceName, string>;
  return {
    addresses,
    parcels,
    publishTo: (target) => {
      const stop = publishChanges(parcels, target, clock);
      const answers = answerChats(parcels, target, clock);
      answerChat = answers.said;
      stopPublishing = () => {
        stop();
        answers.close();
      };
    },
    close: () => {
      stopPublishing();
      parcels.close();
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
  /** Customers write to the courier of an order of theirs. */
  chat: {
    hook: { upstream: 'couriers', deadline: 500, absent: 'accept' },
    reports: { upstream: 'couriers', deadline: 5_000, perHour: 20 },
    subjects: { order: { open: 'method', method: 'app.v1.OrderService/GetOrder', field: 'order_id', scopes: [] } },
  },
} as const;
