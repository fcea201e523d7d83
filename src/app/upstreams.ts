import type { Clients } from '../core/screen/define-app.ts';
import { AccountServiceDefinition } from '../gen/accounts/v1/account.ts';
import { CourierServiceDefinition } from '../gen/couriers/v1/courier.ts';
import { OrderServiceDefinition } from '../gen/orders/v1/order.ts';
import { PromotionServiceDefinition } from '../gen/promotions/v1/promotion.ts';

/** The internal services that the screens call, by their names in the configuration. */
export const upstreams = {
  accounts: AccountServiceDefinition,
  orders: OrderServiceDefinition,
  couriers: CourierServiceDefinition,
  promotions: PromotionServiceDefinition,
} as const;

export type Upstreams = Clients<typeof upstreams>;
