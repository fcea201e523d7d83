import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeContext } from '../../core/screen/fake-context.ts';
import type { Upstreams } from '../upstreams.ts';
import { follow } from './follow.ts';

async function* track() {
  for (const minutesLeft of [2, 2, 1, 1, 1]) yield { minutesLeft };
}
const couriers = { getDelivery: async () => ({ courierName: 'Carol' }), track } as unknown as Upstreams['couriers'];

async function seenBy(changesMax: number) {
  const seen: (number | string)[] = [];
  for await (const { minutesLeft, delivered, courierName } of follow({ orderId: '7', changesMax }, fakeContext(), { couriers } as Upstreams))
    seen.push(delivered ? `delivered by ${courierName}` : minutesLeft);
  return seen;
}

test('a message comes for each change of the minutes, and one for the delivery', async () => {
  assert.deepEqual(await seenBy(0), [2, 1, 'delivered by Carol']);
});

test('the stream ends after as many changes as are asked for', async () => {
  assert.deepEqual(await seenBy(1), [2]);
});
