import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeContext } from '../../core/screen/fake-context.ts';
import { upstreamDown, upstreamFails } from '../../core/screen/fake-upstreams.ts';
import type { Upstreams } from '../upstreams.ts';
import { getHome } from './home.ts';

const alice = { userId: 'alice', displayName: 'Alice', email: 'a@example.com', city: 'Leipzig', points: 7, memberSince: undefined, courier: false };
const upstreams = {
  accounts: { getProfile: async () => alice },
  orders: { listOrders: async () => ({ orders: [], nextPageToken: '' }) },
  couriers: { listNearby: async () => ({ couriers: [{ name: 'Carol', distanceMetres: 300 }], pickupMinutes: 2 }) },
  promotions: { listPromotions: async () => ({ promotions: [] }) },
} as unknown as Upstreams;

test('the home screen shows what all four services say, and nothing of the e-mail address', async () => {
  const home = await getHome({}, fakeContext({ userId: 'alice' }), upstreams);
  assert.deepEqual(home.profile, { userId: 'alice', displayName: 'Alice', city: 'Leipzig', points: 7, memberSince: undefined });
  assert.deepEqual([home.orders, home.couriers?.names, home.missingParts], [{ orders: [] }, ['Carol'], []]);
});

test('couriers that are down leave the screen standing and are named as missing', async () => {
  const home = await getHome({}, fakeContext({ userId: 'alice' }), { ...upstreams, couriers: upstreamDown('couriers') });
  assert.deepEqual([home.couriers, home.missingParts], [undefined, [{ name: 'couriers', reason: 'UPSTREAM_DOWN' }]]);
});

test('without a profile there is no screen', async () => {
  const accounts = upstreamFails<Upstreams['accounts']>('accounts', 'INTERNAL', 'boom');
  await assert.rejects(getHome({}, fakeContext({ userId: 'alice' }), { ...upstreams, accounts }), /boom/);
});
