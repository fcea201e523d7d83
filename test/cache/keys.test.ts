import assert from 'node:assert/strict';
import { test } from 'node:test';
import { messageOf, planOf, readyCall } from '../support/cache/ready-call.ts';
import { computation, openTestCache } from './open.ts';

const getItem = planOf('GetItem');

/** How many computations two calls took. */
async function computations(plan: typeof getItem, one: Parameters<typeof readyCall>[1], other: Parameters<typeof readyCall>[1]): Promise<number> {
  const { cache } = openTestCache();
  const compute = computation();
  await cache.answer(readyCall(plan, one), compute);
  await cache.answer(readyCall(plan, other), compute);
  return compute.seen.length;
}

const ada = { user: 'ada', request: { itemId: '7' } };

test('spellings of one language share an answer, and other languages do not', async () => {
  const speaking = (language: string) => ({ ...ada, metadata: { 'accept-language': language } });
  assert.equal(await computations(getItem, speaking('de-CH;q=0.9, fr;q=0.1'), speaking('de')), 1);
  assert.equal(await computations(getItem, ada, speaking('fr')), 1, 'what nobody speaks is the first locale');
  assert.equal(await computations(getItem, speaking('en'), speaking('de')), 2);
});

test('metadata that the policy does not name neither parts answers nor reaches the computation', async () => {
  assert.equal(await computations(getItem, ada, { ...ada, metadata: { 'app-version': '9' } }), 1);
  const { cache } = openTestCache();
  const compute = computation();
  await cache.answer(readyCall(getItem, { ...ada, metadata: { 'app-version': '9', 'accept-language': 'de-AT' } }), compute);
  const [seen] = compute.seen;
  assert.deepEqual([...(seen?.metadata ?? [])], [['accept-language', ['de']]]);
  assert.deepEqual([seen?.peer.address, seen?.authority], ['', '']);
});

test('field order and explicit defaults of a request do not part answers', async () => {
  const plain = readyCall(getItem, ada).requestBytes;
  const twice = Uint8Array.of(...[0x0a, 1, 0x38], ...plain); // item_id "8", then "7": the last one counts
  assert.equal(await computations(getItem, ada, { ...ada, request: twice }), 1);
  assert.equal(await computations(getItem, ada, { ...ada, request: { itemId: '8' } }), 2);
});

test('a request with fields that nobody knows is answered and not remembered', async () => {
  const unknown = { ...ada, request: Uint8Array.of(0x0a, 1, 0x37, 0x78, 1) };
  assert.equal(await computations(getItem, unknown, unknown), 2);
  const { cache, counts } = openTestCache();
  const answer = await cache.answer(readyCall(getItem, unknown), computation());
  assert.deepEqual([answer.metadata.get('portico-cache'), counts.requests.refused], ['refused', 1]);
});

test('one user never gets the answer of another, nor of a namesake of another issuer', async () => {
  const { cache } = openTestCache();
  const compute = computation();
  for (const user of ['ada', 'bob', 'ada', '3:ada']) {
    const answer = await cache.answer(readyCall(getItem, { ...ada, user }), compute);
    assert.equal(messageOf(getItem, answer).owner, user);
  }
  assert.equal(compute.seen.length, 3);
  assert.equal(await computations(getItem, ada, { ...ada, issuer: 'https://id.example.com' }), 2);
});

test('a shared answer is one for all, and its computation is given no caller', async () => {
  const listItems = planOf('ListItems');
  const { cache } = openTestCache();
  const compute = computation();
  for (const user of ['ada', 'bob', undefined]) await cache.answer(readyCall(listItems, user === undefined ? {} : { user }), compute);
  assert.deepEqual(
    compute.seen.map(({ caller }) => caller),
    [undefined],
  );
});

test('an answer by claims is for all who have them, and its computation is given those claims alone', async () => {
  const byTenant = planOf('GetItem', { scope: 'claims', claims: ['tenant'], tags: [] });
  const claimsOf = (tenant: string | undefined): Record<string, string> => (tenant === undefined ? {} : { tenant, role: 'admin' });
  const of = (user: string, tenant: string | undefined) => ({ ...ada, user, claims: claimsOf(tenant) });
  assert.equal(await computations(byTenant, of('ada', 'north'), of('bob', 'north')), 1);
  assert.equal(await computations(byTenant, of('ada', 'north'), of('ada', 'south')), 2);
  assert.equal(await computations(byTenant, of('ada', undefined), of('ada', '')), 2, 'absent is another value than empty');
  const { cache } = openTestCache();
  const compute = computation();
  await cache.answer(readyCall(byTenant, of('ada', 'north')), compute);
  const caller = compute.seen[0]?.caller;
  assert.ok(caller?.kind === 'user');
  assert.deepEqual([caller.userId, [...caller.claims], caller.scopes.size], [undefined, [['tenant', 'north']], 0]);
});

test('another policy or another shape of the answer reads none of the old entries', async () => {
  const { cache } = openTestCache();
  const compute = computation();
  await cache.answer(readyCall(getItem, ada), compute);
  const changed = { ...getItem, fingerprint: 'another' };
  await cache.answer(readyCall(changed, ada), compute);
  assert.equal(compute.seen.length, 2);
});
