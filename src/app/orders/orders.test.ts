import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeContext } from '../../core/screen/fake-context.ts';
import { upstreamFails } from '../../core/screen/fake-upstreams.ts';
import type { Upstreams } from '../upstreams.ts';
import { getOrder, listOrders } from './orders.ts';

const upstreams = {
  orders: { getOrder: async () => ({ order: { orderId: '7' } }), listOrders: async () => ({ orders: [{ orderId: '7' }], nextPageToken: '' }) },
  couriers: { getDelivery: async () => ({ courierName: 'Carol', minutesLeft: 4, position: undefined }) },
} as unknown as Upstreams;

test('an order comes with who brings it', async () => {
  const { order, delivery, missingParts } = await getOrder({ orderId: '7' }, fakeContext({ userId: 'alice' }), upstreams);
  assert.deepEqual([order?.orderId, delivery, missingParts], ['7', { courierName: 'Carol', minutesLeft: 4 }, []]);
});

test('an order without a courier has no delivery, and nothing is missing', async () => {
  const couriers = upstreamFails<Upstreams['couriers']>('couriers', 'NOT_FOUND');
  const { delivery, missingParts } = await getOrder({ orderId: '7' }, fakeContext({ userId: 'alice' }), { ...upstreams, couriers });
  assert.deepEqual([delivery, missingParts], [undefined, []]);
});

test("an order that is not the user's is ORDER_UNKNOWN", async () => {
  const orders = upstreamFails<Upstreams['orders']>('orders', 'NOT_FOUND', 'There is no order 7.');
  await assert.rejects(getOrder({ orderId: '7' }, fakeContext({ userId: 'bob' }), { ...upstreams, orders }), { reason: 'ORDER_UNKNOWN' });
});

test('a list is about each of its orders', async () => {
  const context = fakeContext({ userId: 'alice' });
  await listOrders({ activeOnly: false, pageSize: 0, pageToken: '' }, context, upstreams);
  assert.deepEqual([...context.tags], ['order:7']);
});
