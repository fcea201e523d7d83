import { fanOut, optional, required } from '../../core/screen/fan-out.ts';
import type { ScreenContext } from '../../core/screen/screen-context.ts';
import { absentWhen, translate } from '../../core/screen/upstream-errors.ts';
import type { GetOrderRequest, ListOrdersRequest } from '../../gen/app/v1/order.ts';
import type { Upstreams } from '../upstreams.ts';

/**
 * One order with its courier. An order without a courier (not picked up yet, or delivered) has no `delivery`, and no
 * part is missing.
 */
export async function getOrder({ orderId }: GetOrderRequest, context: ScreenContext, { orders, couriers }: Upstreams) {
  const { parts, missing } = await fanOut(context, {
    order: required(() => translate(orders.getOrder({ orderId }), { NOT_FOUND: 'ORDER_UNKNOWN' })),
    delivery: optional(() => absentWhen(couriers.getDelivery({ orderId }), 'NOT_FOUND')),
  });
  const { delivery } = parts;
  return {
    order: parts.order.order,
    delivery: delivery && { courierName: delivery.courierName, minutesLeft: delivery.minutesLeft },
    missingParts: missing,
  };
}

/** A page of the user's orders. Each order is a tag of the answer, so that a change of one invalidates the list. */
export async function listOrders(request: ListOrdersRequest, context: ScreenContext, { orders }: Upstreams) {
  const page = await orders.listOrders(request);
  for (const { orderId } of page.orders.slice(0, 50)) context.tag(`order:${orderId}`);
  return page;
}
