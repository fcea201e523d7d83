import { fanOut, optional, required } from '../../core/screen/fan-out.ts';
import type { ScreenContext } from '../../core/screen/screen-context.ts';
import { translate } from '../../core/screen/upstream-errors.ts';
import type { GetHomeRequest } from '../../gen/app/v1/home.ts';
import type { Upstreams } from '../upstreams.ts';

/**
 * The first screen after sign-in. It fails without the profile. Any other part that is late or failed is absent, and
 * `missingParts` names it with its reason.
 */
export async function getHome(_request: GetHomeRequest, context: ScreenContext, { accounts, orders, couriers, promotions }: Upstreams) {
  const { parts, missing, pending } = await fanOut(context, {
    profile: required(() => translate(accounts.getProfile({}), { NOT_FOUND: 'PROFILE_UNKNOWN' })),
    orders: optional(() => orders.listOrders({ activeOnly: true })),
    couriers: optional(() => couriers.listNearby({})),
    offers: optional(() => promotions.listPromotions({})),
  });
  const { userId, displayName, city, points, memberSince } = parts.profile;
  return {
    profile: { userId, displayName, city, points, memberSince },
    orders: parts.orders && { orders: parts.orders.orders },
    couriers: parts.couriers && { names: parts.couriers.couriers.map(({ name }) => name), pickupMinutes: parts.couriers.pickupMinutes },
    offers: parts.offers && { promotions: parts.offers.promotions },
    madeAt: new Date(context.nowMs()),
    missingParts: missing,
    pendingParts: pending,
  };
}
