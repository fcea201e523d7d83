import type { StreamContext } from '../../core/screen/hand-written-stream.ts';
import { translate } from '../../core/screen/upstream-errors.ts';
import type { FollowRequest } from '../../gen/app/v1/tracking.ts';
import type { Upstreams } from '../upstreams.ts';

/**
 * The way of an order in whole minutes: a message whenever they change, and one for the delivery. The courier service
 * sends a position each second; an app's notification needs none of them.
 */
export async function* follow({ orderId, changesMax }: FollowRequest, _context: StreamContext, { couriers }: Upstreams) {
  const { courierName } = await translate(couriers.getDelivery({ orderId }), { NOT_FOUND: 'ORDER_UNKNOWN' });
  let last = -1;
  let changes = 0;
  for await (const { minutesLeft } of couriers.track({ orderId })) {
    if (minutesLeft === last) continue;
    last = minutesLeft;
    yield { courierName, minutesLeft, delivered: false };
    if (++changes === changesMax) return; // the stream at the courier service ends, too
  }
  yield { courierName, minutesLeft: 0, delivered: true };
}
