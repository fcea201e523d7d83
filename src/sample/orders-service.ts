import { ServerError, Status } from 'nice-grpc';
import type { OrderServiceImplementation } from '../gen/orders/v1/order.ts';
import { type Authorise, userOf } from './authorise-caller.ts';
import { isActive, type Parcel, type Parcels } from './parcels.ts';

const usualPage = 20;

/** Parcels and their status. Each caller reads only its own. */
export function orders(authorise: Authorise, parcels: Parcels): OrderServiceImplementation {
  const own = (orderId: string, userId: string): Parcel => {
    const parcel = parcels.get(orderId);
    if (parcel?.userId !== userId) throw new ServerError(Status.NOT_FOUND, `There is no order ${orderId}.`);
    return parcel;
  };
  return {
    getOrder: async ({ orderId }, context) => ({ order: own(orderId, await userOf(authorise, context)) }),

    listOrders: async ({ activeOnly, pageSize, pageToken }, context) => {
      const all = parcels.of(await userOf(authorise, context)).filter((parcel) => !activeOnly || isActive(parcel));
      const from = pageToken === '' ? 0 : all.findIndex(({ orderId }) => orderId === pageToken);
      if (from < 0) throw new ServerError(Status.INVALID_ARGUMENT, `There is no page ${pageToken}.`);
      const to = from + (pageSize === 0 ? usualPage : Math.min(100, pageSize));
      return { orders: all.slice(from, to), nextPageToken: all[to]?.orderId ?? '' };
    },

    placeOrder: async (wish, context) => ({ order: parcels.place(await userOf(authorise, context), wish) }),

    cancelOrder: async ({ orderId }, context) => {
      own(orderId, await userOf(authorise, context));
      const order = parcels.cancel(orderId);
      if (order === undefined) throw new ServerError(Status.FAILED_PRECONDITION, `The order ${orderId} is past its pick-up: it cannot be cancelled.`);
      return { order };
    },
  };
}
