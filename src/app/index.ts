import { defineApp, screen } from '../core/screen/define-app.ts';
import { stream } from '../core/screen/hand-written-stream.ts';
import { HomeServiceDefinition } from '../gen/app/v1/home.ts';
import { OrderServiceDefinition } from '../gen/app/v1/order.ts';
import { PromotionServiceDefinition } from '../gen/app/v1/promotion.ts';
import { TrackingServiceDefinition } from '../gen/app/v1/tracking.ts';
import { sampleCompany } from '../sample/company.ts';
import { getHome } from './home/home.ts';
import { de } from './messages/de.ts';
import { en } from './messages/en.ts';
import { getOrder, listOrders } from './orders/orders.ts';
import { listPromotions } from './promotions/promotions.ts';
import { reasons } from './reasons.ts';
import { follow } from './tracking/follow.ts';
import { upstreams } from './upstreams.ts';

/** Our part of the server: a line for each screen and each stream that is written by hand. */
export const app = defineApp({
  upstreams,
  screens: [
    screen(HomeServiceDefinition, 'getHome', getHome),
    screen(OrderServiceDefinition, 'getOrder', getOrder),
    screen(OrderServiceDefinition, 'listOrders', listOrders),
    screen(PromotionServiceDefinition, 'listPromotions', listPromotions),
    stream(TrackingServiceDefinition, 'follow', follow),
  ],
  reasons,
  messages: { en, de },
});

/** The internal services that `npm start` runs beside the server. */
export const sample = sampleCompany;
