// The order service of the soak: answers at once; what GetOrder answers changes with every cancellation.
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import {
  CancelOrderRequest,
  CancelOrderResponse,
  GetOrderRequest,
  GetOrderResponse,
  ListOrdersResponse,
  Order,
} from '../../../src/gen/orders/v1/order.ts';
import { given, ready } from '../servers/common.ts';

const server = new Server();
const identity = (buffer: Buffer) => buffer;
const forms = { requestSerialize: identity, requestDeserialize: identity, responseSerialize: identity, responseDeserialize: identity };
const serve = (method: string, answer: (request: Buffer) => Uint8Array) =>
  server.addService(
    { method: { path: `/orders.v1.OrderService/${method}`, requestStream: false, responseStream: false, ...forms } },
    { method: ({ request }: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) => done(null, Buffer.from(answer(request))) },
  );
/** How often an order was cancelled: of as many orders as the clients know. */
const cancelled = new Map<string, number>();
const orderOf = (orderId: string) => Order.fromPartial({ orderId, content: `cancelled ${cancelled.get(orderId) ?? 0} times` });
const list = ListOrdersResponse.encode({ orders: ['1', '2', '3', '4'].map(orderOf), nextPageToken: '' }).finish();
serve('ListOrders', () => list);
serve('GetOrder', (request) => GetOrderResponse.encode({ order: orderOf(GetOrderRequest.decode(request).orderId) }).finish());
serve('CancelOrder', (request) => {
  const { orderId } = CancelOrderRequest.decode(request);
  cancelled.set(orderId, (cancelled.get(orderId) ?? 0) + 1);
  return CancelOrderResponse.encode({ order: orderOf(orderId) }).finish();
});
server.bindAsync('127.0.0.1:0', ServerCredentials.createSsl(null, [{ private_key: given.key(), cert_chain: given.cert() }]), (error, port) => {
  if (error !== null) throw error;
  ready({ address: `localhost:${port}` });
});
