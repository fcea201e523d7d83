// The four internal services of the home screen, and what the order's adds to them, each on a port of its own, all over TLS: they answer at once, everybody alike, with bytes
// that are ready, so that the load's core does as little as it can and both contestants get the same.
import { Metadata, Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import { GetProfileResponse } from '../../../src/gen/accounts/v1/account.ts';
import { GetDeliveryResponse, ListNearbyResponse } from '../../../src/gen/couriers/v1/courier.ts';
import { ListOrdersResponse, OrderStatus } from '../../../src/gen/orders/v1/order.ts';
import { ListPromotionsResponse } from '../../../src/gen/promotions/v1/promotion.ts';
import { given, ready } from './common.ts';

const at = new Date('2026-01-01T12:00:00.250Z');
const order = (n: number) => ({
  orderId: String(1_000 + n),
  status: OrderStatus.ORDER_STATUS_OUT_FOR_DELIVERY,
  content: 'Sourdough starter, keep upright',
  recipient: 'Hanna Vogt',
  address: 'Karl-Heine-Straße 41, 04229 Leipzig',
  weightGrams: 1_350,
  priceCents: 570n,
  placedAt: at,
  changedAt: at,
});
const promotion = (n: number) => ({
  promotionId: `offer-${n}`,
  title: 'The rainy-day rate',
  text: 'While it rains, every parcel under two kilos travels across the whole city for three euros flat today.',
  endsAt: at,
});
/** By upstream and method. */
const answers: Readonly<Record<string, Readonly<Record<string, Uint8Array>>>> = {
  accounts: {
    'accounts.v1.AccountService/GetProfile': GetProfileResponse.encode({
      userId: 'alice',
      displayName: 'Alice Marlow',
      email: 'alice@example.com',
      city: 'Leipzig',
      points: 1_240,
      memberSince: at,
      courier: false,
    }).finish(),
  },
  orders: { 'orders.v1.OrderService/ListOrders': ListOrdersResponse.encode({ orders: [1, 2, 3, 4].map(order), nextPageToken: '' }).finish() },
  couriers: {
    'couriers.v1.CourierService/ListNearby': ListNearbyResponse.encode({
      couriers: ['Carol', 'Emil', 'Nadja', 'Theo', 'Yusuf'].map((name, i) => ({ name, distanceMetres: 400 + 100 * i })),
      pickupMinutes: 2,
    }).finish(),
    'couriers.v1.CourierService/GetDelivery': GetDeliveryResponse.encode({
      courierName: 'Carol',
      position: { latitude: 51.33, longitude: 12.37 },
      minutesLeft: 4,
    }).finish(),
  },
  promotions: {
    'promotions.v1.PromotionService/ListPromotions': ListPromotionsResponse.encode({ promotions: [1, 2, 3, 4, 5, 6].map(promotion) }).finish(),
  },
};

/** Of the offers in German: with that of the policy 64, the most that an answer may have. */
const manyTags = new Metadata();
manyTags.set('portico-tags', Array.from({ length: 63 }, (_, i) => `offer:${i}`).join(','));

const credentials = ServerCredentials.createSsl(null, [{ private_key: given.key(), cert_chain: given.cert() }]);
const addresses = await Promise.all(
  Object.entries(answers).map(async ([name, methods]) => {
    const server = new Server();
    const identity = (buffer: Buffer) => buffer;
    const forms = { requestSerialize: identity, requestDeserialize: identity, responseSerialize: identity, responseDeserialize: identity };
    for (const [method, bytes] of Object.entries(methods)) {
      const answer = Buffer.from(bytes);
      server.addService(
        { method: { path: `/${method}`, requestStream: false, responseStream: false, ...forms } },
        {
          method: (call: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => {
            if (name === 'promotions' && call.metadata.get('accept-language')[0] === 'de') done(null, answer, manyTags);
            else done(null, answer);
          },
        },
      );
    }
    const port = await new Promise<number>((resolve, reject) =>
      server.bindAsync('127.0.0.1:0', credentials, (error, bound) => (error === null ? resolve(bound) : reject(error))),
    );
    return [name, `localhost:${port}`] as const;
  }),
);
ready({ addresses: Object.fromEntries(addresses) });
