// A bare grpc-js handler that makes the same four upstream calls as the home screen, over TLS, with the same deadline and metadata, and answers with what it made of them.
import { Client, credentials, Metadata, Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import { AccountServiceDefinition } from '../../../src/gen/accounts/v1/account.ts';
import { GetHomeRequest, GetHomeResponse } from '../../../src/gen/app/v1/home.ts';
import { CourierServiceDefinition } from '../../../src/gen/couriers/v1/courier.ts';
import { OrderServiceDefinition } from '../../../src/gen/orders/v1/order.ts';
import { PromotionServiceDefinition } from '../../../src/gen/promotions/v1/promotion.ts';
import { given, ready } from './common.ts';

/** The deadline of GetHome's policy. Milliseconds. */
const deadlineMs = 800;
const passed = ['accept-language', 'app-platform', 'app-version'];
const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const authorization = `Bearer ${given.internalToken()}`;
let spans = 0;

type Codec<T> = { encode(message: T): { finish(): Uint8Array }; decode(bytes: Uint8Array): T };
type Context = { readonly metadata: Metadata; readonly deadline: number };

/** As generated clients do it: one connection for each service, messages encoded and decoded. */
function caller<Request, Response>(
  upstream: string,
  path: string,
  { requestType, responseType }: { requestType: Codec<Request>; responseType: Codec<Response> },
): (request: Request, context: Context) => Promise<Response> {
  const client = new Client(given.upstreams()[upstream] ?? '', credentials.createSsl(given.ca()));
  const serialize = (request: Request) => Buffer.from(requestType.encode(request).finish());
  return (request, { metadata, deadline }) =>
    new Promise((resolve, reject) => {
      const sent = new Metadata();
      for (const key of passed) for (const value of metadata.get(key)) sent.add(key, value);
      sent.set('traceparent', `00-${traceId}-${(spans++).toString(16).padStart(16, '0')}-00`);
      sent.set('authorization', authorization);
      client.makeUnaryRequest(path, serialize, responseType.decode, request, sent, { deadline }, (error, value) =>
        error === null && value !== undefined ? resolve(value) : reject(error),
      );
    });
}

const upstreams = {
  getProfile: caller('accounts', '/accounts.v1.AccountService/GetProfile', AccountServiceDefinition.methods.getProfile),
  listOrders: caller('orders', '/orders.v1.OrderService/ListOrders', OrderServiceDefinition.methods.listOrders),
  listNearby: caller('couriers', '/couriers.v1.CourierService/ListNearby', CourierServiceDefinition.methods.listNearby),
  listPromotions: caller('promotions', '/promotions.v1.PromotionService/ListPromotions', PromotionServiceDefinition.methods.listPromotions),
};

async function getHome({ metadata }: ServerUnaryCall<GetHomeRequest, GetHomeResponse>): Promise<GetHomeResponse> {
  const context = { metadata, deadline: Date.now() + deadlineMs };
  const [profile, orders, couriers, promotions] = await Promise.all([
    upstreams.getProfile({}, context),
    upstreams.listOrders({ activeOnly: true, pageSize: 0, pageToken: '' }, context),
    upstreams.listNearby({}, context),
    upstreams.listPromotions({}, context),
  ]);
  const { userId, displayName, city, points, memberSince } = profile;
  return {
    profile: { userId, displayName, city, points, memberSince },
    orders: { orders: orders.orders },
    couriers: { names: couriers.couriers.map(({ name }) => name), pickupMinutes: couriers.pickupMinutes },
    offers: { promotions: promotions.promotions },
    madeAt: new Date(),
    missingParts: [],
    pendingParts: [],
  };
}

const server = new Server();
server.addService(
  {
    getHome: {
      path: '/app.v1.HomeService/GetHome',
      requestStream: false,
      responseStream: false,
      requestSerialize: (value: GetHomeRequest) => Buffer.from(GetHomeRequest.encode(value).finish()),
      requestDeserialize: (bytes: Buffer) => GetHomeRequest.decode(bytes),
      responseSerialize: (value: GetHomeResponse) => Buffer.from(GetHomeResponse.encode(value).finish()),
      responseDeserialize: (bytes: Buffer) => GetHomeResponse.decode(bytes),
    },
  },
  {
    getHome: (call: ServerUnaryCall<GetHomeRequest, GetHomeResponse>, done: sendUnaryData<GetHomeResponse>) => {
      getHome(call).then(
        (value) => done(null, value),
        (error: Error) => done(error),
      );
    },
  },
);
server.bindAsync('127.0.0.1:0', ServerCredentials.createSsl(null, [{ private_key: given.key(), cert_chain: given.cert() }]), (error, port) => {
  if (error !== null) throw error;
  ready({ port });
});
