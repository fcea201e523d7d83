import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeContext } from './fake-context.ts';
import { upstreamDown, upstreamFails, upstreamTimeout } from './fake-upstreams.ts';
import { fanOut, optional } from './fan-out.ts';
import { absentWhen, translate } from './upstream-errors.ts';

type Orders = { list(request: object): Promise<string>; track(request: object): AsyncIterable<string> };

test('a part that calls a failing fake is missing with the reason of that failure', async () => {
  const fakes: readonly Orders[] = [
    upstreamDown('orders'),
    upstreamTimeout('orders'),
    upstreamFails('orders', 'PERMISSION_DENIED'),
    upstreamFails('orders', 'INTERNAL'),
  ];
  const reasons = fakes.map(async (orders) => {
    const { missing } = await fanOut(fakeContext(), { orders: optional(() => orders.list({})) });
    return missing.map(({ name, reason }) => `${name} ${reason}`);
  });
  assert.deepEqual((await Promise.all(reasons)).flat(), [
    'orders UPSTREAM_DOWN',
    'orders UPSTREAM_TIMEOUT',
    'orders UPSTREAM_REFUSED',
    'orders UPSTREAM_FAILED',
  ]);
});

test('the status of a failing fake can be translated, and can mean absence', async () => {
  const orders: Orders = upstreamFails('orders', 'NOT_FOUND', 'There is no order 7.');
  await assert.rejects(translate(orders.list({}), { NOT_FOUND: 'ORDER_UNKNOWN' }), { reason: 'ORDER_UNKNOWN', message: 'There is no order 7.' });
  assert.equal(await absentWhen(orders.list({}), 'NOT_FOUND'), undefined);
});

test('a stream of a failing fake fails when it is iterated, and the fake itself can be awaited', async () => {
  const orders: Orders = await Promise.resolve(upstreamDown<Orders>('orders'));
  await assert.rejects(
    async () => {
      for await (const _ of orders.track({})) assert.fail('a message');
    },
    { code: 14 },
  );
});
