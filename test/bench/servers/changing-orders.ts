// The internal services of one screen, GetOrder, whose answer changes when the benchmark says so.
import { Server, ServerCredentials, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js';
import { GetDeliveryResponse } from '../../../src/gen/couriers/v1/courier.ts';
import { GetOrderRequest, GetOrderResponse } from '../../../src/gen/orders/v1/order.ts';
import { given, ready } from './common.ts';
import { publishBy } from './fanout-publish.ts';

/** As long as a service takes that asks a database. Milliseconds. */
const takesMs = 5;
let content = 'first';
const delivery = Buffer.from(GetDeliveryResponse.encode({ courierName: 'Carol', minutesLeft: 4, position: undefined }).finish());
const identity = (buffer: Buffer) => buffer;
const server = new Server();
const serve = (path: string, answer: (request: Buffer) => Buffer) => {
  const forms = { requestSerialize: identity, requestDeserialize: identity, responseSerialize: identity, responseDeserialize: identity };
  server.addService(
    { method: { path, requestStream: false, responseStream: false, ...forms } },
    {
      method: ({ request }: ServerUnaryCall<Buffer, Buffer>, done: sendUnaryData<Buffer>) =>
        void setTimeout(() => done(null, answer(request)), takesMs),
    },
  );
};
serve('/couriers.v1.CourierService/GetDelivery', () => delivery);
serve('/orders.v1.OrderService/GetOrder', (request) => {
  const { orderId } = GetOrderRequest.decode(request);
  return Buffer.from(GetOrderResponse.encode(GetOrderResponse.create({ order: { orderId, content } })).finish());
});
const controlPort = await publishBy((message) => {
  content = Buffer.from(message).toString();
});
server.bindAsync('127.0.0.1:0', ServerCredentials.createSsl(null, [{ private_key: given.key(), cert_chain: given.cert() }]), (error, port) => {
  if (error !== null) throw error;
  ready({ address: `localhost:${port}`, controlPort });
});
