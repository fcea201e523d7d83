import type { Clock } from '../core/kit/clock.ts';
import { type Order, OrderStatus } from '../gen/orders/v1/order.ts';

/** A parcel: its order and its owner. */
export type Parcel = Order & { readonly userId: string };

export type Parcels = {
  get(orderId: string): Parcel | undefined;
  /** The newest first. */
  of(userId: string): readonly Parcel[];
  /** Those on their way. */
  active(): readonly Parcel[];
  place(userId: string, wish: Pick<Order, 'content' | 'recipient' | 'address' | 'weightGrams'>): Parcel;
  /** @returns undefined if it was already picked up */
  cancel(orderId: string): Parcel | undefined;
  /** @param callback receives the tags of each change */
  onChange(callback: (tags: readonly string[]) => void): void;
  close(): void;
};

const { ORDER_STATUS_PLACED, ORDER_STATUS_PICKED_UP, ORDER_STATUS_OUT_FOR_DELIVERY, ORDER_STATUS_DELIVERED, ORDER_STATUS_CANCELLED } = OrderStatus;

/** The status after each status, and the time until then in seconds. */
const life: ReadonlyMap<OrderStatus, { readonly next: OrderStatus; readonly seconds: number }> = new Map([
  [ORDER_STATUS_PLACED, { next: ORDER_STATUS_PICKED_UP, seconds: 90 }],
  [ORDER_STATUS_PICKED_UP, { next: ORDER_STATUS_OUT_FOR_DELIVERY, seconds: 120 }],
  [ORDER_STATUS_OUT_FOR_DELIVERY, { next: ORDER_STATUS_DELIVERED, seconds: 300 }],
]);

/** The remaining time of an order from a status on, in seconds. */
export function secondsLeft({ status, changedAt }: Pick<Order, 'status' | 'changedAt'>, nowMs: number): number {
  let seconds = -(nowMs - (changedAt?.getTime() ?? nowMs)) / 1_000;
  for (let stage = life.get(status); stage !== undefined; stage = life.get(stage.next)) seconds += stage.seconds;
  return Math.max(0, seconds);
}

const wishes = [
  { content: 'Two jars of plum jam', recipient: 'Hanna Vogt', address: 'Karl-Heine-Straße 41, 04229 Leipzig', weightGrams: 1_350 },
  { content: 'A lens for the old camera', recipient: 'Jonas Reuter', address: 'Gohliser Straße 7, 04105 Leipzig', weightGrams: 620 },
  { content: 'Birthday book, gift-wrapped', recipient: 'Mia Sommer', address: 'Arno-Nitzsche-Straße 12, 04277 Leipzig', weightGrams: 840 },
  { content: 'House keys in an envelope', recipient: 'Paul Engel', address: 'Eisenbahnstraße 88, 04315 Leipzig', weightGrams: 90 },
  { content: 'Sourdough starter, keep upright', recipient: 'Lea Brandt', address: 'Könneritzstraße 25, 04229 Leipzig', weightGrams: 480 },
] as const;

/** The initial parcels: owner, status, and the age of the status in seconds. */
const beginning: readonly (readonly [userId: string, status: OrderStatus, sinceS: number])[] = [
  ['alice', ORDER_STATUS_DELIVERED, 172_800],
  ['bob', ORDER_STATUS_DELIVERED, 86_400],
  ['alice', ORDER_STATUS_OUT_FOR_DELIVERY, 40],
  ['bob', ORDER_STATUS_OUT_FOR_DELIVERY, 130],
  ['alice', ORDER_STATUS_PICKED_UP, 20],
  ['alice', ORDER_STATUS_PLACED, 5],
];

const parcelsOfOneMax = 50;
/** Users with a minimum of active parcels: a new one is placed when there are fewer. */
const activeMin: ReadonlyMap<string, number> = new Map([
  ['alice', 2],
  ['bob', 1],
]);

export function isActive({ status }: Pick<Order, 'status'>): boolean {
  return life.has(status);
}

/**
 * Parcels with an automatic status: each order passes through all states in about nine minutes, and a customer without
 * active parcels sends the next one.
 */
export function openParcels(clock: Clock): Parcels {
  const parcels = new Map<string, Parcel>(); // the oldest first
  const callbacks = new Set<(tags: readonly string[]) => void>();
  let next = 1_001;
  const tell = ({ orderId, userId }: Parcel) => {
    for (const callback of callbacks) callback([`order:${orderId}`, `user:${userId}`]);
  };
  const ofUser = (userId: string) => [...parcels.values()].filter((parcel) => parcel.userId === userId).reverse();
  const put = (userId: string, status: OrderStatus, changedAtMs: number, wish: Pick<Order, 'content' | 'recipient' | 'address' | 'weightGrams'>) => {
    const orderId = String(next++);
    const placedAt = new Date(changedAtMs - (status === ORDER_STATUS_PLACED ? 0 : 180_000));
    const priceCents = BigInt(390 + Math.ceil(wish.weightGrams / 500) * 60);
    const { content, recipient, address, weightGrams } = wish;
    const parcel: Parcel = {
      orderId,
      userId,
      status,
      content,
      recipient,
      address,
      weightGrams,
      priceCents,
      placedAt,
      changedAt: new Date(changedAtMs),
    };
    parcels.set(orderId, parcel);
    const old = ofUser(userId).slice(parcelsOfOneMax);
    for (const { orderId: id } of old) parcels.delete(id);
    return parcel;
  };
  const change = (parcel: Parcel, status: OrderStatus) => {
    const changed = { ...parcel, status, changedAt: new Date(clock.nowMs()) };
    parcels.set(parcel.orderId, changed);
    tell(changed);
    return changed;
  };
  const wishOf = (n: number) => wishes[n % wishes.length] as (typeof wishes)[number];
  for (const [i, [userId, status, sinceS]] of beginning.entries()) put(userId, status, clock.nowMs() - sinceS * 1_000, wishOf(i));

  const tick = () => {
    const nowMs = clock.nowMs();
    for (const parcel of [...parcels.values()]) {
      const stage = life.get(parcel.status);
      if (stage !== undefined && nowMs - (parcel.changedAt?.getTime() ?? 0) >= stage.seconds * 1_000) change(parcel, stage.next);
    }
    for (const [userId, least] of activeMin) {
      if (ofUser(userId).filter(isActive).length < least) tell(put(userId, ORDER_STATUS_PLACED, nowMs, wishOf(next)));
    }
  };
  let cancel = () => {};
  const schedule = () => {
    cancel = clock.after(1_000, () => {
      tick();
      schedule();
    });
  };
  schedule();
  return {
    get: (orderId) => parcels.get(orderId),
    of: ofUser,
    active: () => [...parcels.values()].filter(isActive),
    place: (userId, wish) => {
      const parcel = put(userId, ORDER_STATUS_PLACED, clock.nowMs(), wish);
      tell(parcel);
      return parcel;
    },
    cancel: (orderId) => {
      const parcel = parcels.get(orderId);
      return parcel?.status === ORDER_STATUS_PLACED ? change(parcel, ORDER_STATUS_CANCELLED) : undefined;
    },
    onChange: (callback) => {
      callbacks.add(callback);
    },
    close: () => cancel(),
  };
}
