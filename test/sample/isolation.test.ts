// What one user of the sample app sees is never shown to another.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { type ProtocolName, protocols, signIn, transportOf } from '../support/client/protocols.ts';
import { callSample, openSampleServer, type SampleServer, sampleRegistry } from './sample-server.ts';

const getOrder = 'app.v1.OrderService/GetOrder';
let company: SampleServer;
before(async () => {
  company = await openSampleServer();
});
after(() => company?.close());

type Headers = Readonly<Record<string, string>>;
const sample = (protocol: ProtocolName, method: string, request: Record<string, unknown>, headers: Headers, foreign = false) =>
  callSample(transportOf(protocol, company.server), method, request, { headers, foreign });

for (const protocol of protocols) {
  test(`${protocol}: alice's order stays hidden from bob after her hit, with her etag, and with whatever he says of himself`, async () => {
    const alice = await signIn(company.server, sampleRegistry, 'alice');
    const bob = await signIn(company.server, sampleRegistry, 'bob');
    const listed = await sample(protocol, 'app.v1.OrderService/ListOrders', {}, alice.headers);
    const { orderId = '' } = (listed.messages as { orders: { orderId: string }[] }[])[0]?.orders[0] ?? {};
    assert.notEqual(orderId, '');
    const hers = await sample(protocol, getOrder, { orderId }, alice.headers);
    const hit = await sample(protocol, getOrder, { orderId }, alice.headers);
    assert.deepEqual([hers.code, hit.headers.get('portico-cache')], [0, 'hit']);
    const etag = hit.headers.get('etag') ?? '';
    assert.notEqual(etag, '');
    const tries: readonly Headers[] = [
      {},
      { 'if-none-match': etag },
      { 'if-none-match': '*' },
      { 'x-user-id': 'alice', 'x-forwarded-user': 'alice', 'x-portico-user': 'alice', 'portico-user': 'alice', sub: 'alice' },
      { 'x-authorization': alice.headers.authorization, cookie: `authorization=${alice.accessToken}` },
    ];
    for (const more of tries) {
      const his = await sample(protocol, getOrder, { orderId }, { ...bob.headers, ...more });
      assert.deepEqual([his.code, his.reason, his.messages], [5, 'ORDER_UNKNOWN', []], JSON.stringify(Object.keys(more)));
      assert.deepEqual([his.headers.get('etag'), his.headers.get('portico-not-modified')], [null, null]);
    }
    const cancelled = await sample(protocol, 'app.v1.OrderService/CancelOrder', { orderId }, bob.headers, true);
    assert.equal(cancelled.code, 5);
    const his = await sample(protocol, 'app.v1.OrderService/ListOrders', {}, { ...bob.headers, 'if-none-match': listed.headers.get('etag') ?? '' });
    const orders = (his.messages as { orders: { orderId: string }[] }[]).flatMap((message) => message.orders);
    assert.ok(orders.length > 0 && orders.every((order) => order.orderId !== orderId));
    assert.equal((await sample(protocol, getOrder, { orderId }, alice.headers)).code, 0);
  });
}

test('an answer for all is one for all', async () => {
  const alice = await signIn(company.server, sampleRegistry, 'alice');
  const bob = await signIn(company.server, sampleRegistry, 'bob');
  const list = (headers: Headers) => sample('grpc h2', 'app.v1.PromotionService/ListPromotions', {}, headers);
  const first = await list(alice.headers);
  const second = await list(bob.headers);
  assert.deepEqual([first.code, second.headers.get('portico-cache')], [0, 'hit']);
  assert.deepEqual(second.messages, first.messages);
});
