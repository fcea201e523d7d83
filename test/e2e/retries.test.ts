// What is tried again: calls of idempotent methods that the upstream was not there for, and no others; its own wishes are heeded.
import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { GetProfileResponse } from '../../src/gen/accounts/v1/account.ts';
import { callOf, keptTransports, signIn } from '../support/client/protocols.ts';
import { openRawUpstream, type RawUpstream, reply, trailersOnly } from '../support/upstream/raw-upstream.ts';
import { openSampleServer, type SampleServer, sampleRegistry } from '../support/server/sample-server.ts';

const profile = GetProfileResponse.encode(GetProfileResponse.fromPartial({ userId: 'alice' })).finish();
const wish = { content: 'A kite', recipient: 'Ada', address: 'Markt 1', weightGrams: 400 };

const transportOf = keptTransports();
let sample: SampleServer;
let accounts: RawUpstream;
let orders: RawUpstream;
let headers: { readonly authorization: string };
before(async () => {
  accounts = await openRawUpstream();
  orders = await openRawUpstream();
  sample = await openSampleServer({ 'upstreams.accounts.address': accounts.address, 'upstreams.orders.address': orders.address });
  ({ headers } = await signIn(sample.server, sampleRegistry, 'alice'));
});
after(async () => {
  await sample?.close();
  await accounts?.close();
  await orders?.close();
});
beforeEach(() => sample.invalidate('user:alice'));

const call = (method: string, request: object, foreign = false) =>
  callOf(sampleRegistry, transportOf('grpc h2', sample.server), `app.v1.${method}`, { ...request }, { headers, foreign });

/** Lets the profile fail with this status until it was asked for `failures` times. @returns how often it was asked for, and what became of the screen */
async function homeWhenAccountsFail(failures: number, trailers: Readonly<Record<string, string>>) {
  const first = accounts.calls.length;
  accounts.answer = (asked) => (accounts.calls.length - first <= failures ? trailersOnly(asked, trailers) : reply(asked, { messages: [profile] }));
  const { code, reason } = await call('HomeService/GetHome', {});
  return { code, reason, asked: accounts.calls.slice(first).map(({ headers }) => headers['grpc-previous-rpc-attempts']) };
}

test('an upstream that says when is asked again then', async () => {
  const begunMs = performance.now();
  const { code, asked } = await homeWhenAccountsFail(1, { 'grpc-status': '14', 'grpc-retry-pushback-ms': '200' });
  assert.deepEqual([code, asked.length], [0, 2]);
  assert.ok(performance.now() - begunMs >= 190);
});

test('an idempotent method is tried again when its upstream is unavailable, three times in all', async () => {
  assert.deepEqual(await homeWhenAccountsFail(2, { 'grpc-status': '14' }), { code: 0, reason: undefined, asked: [undefined, '1', '2'] });
});

test('after three tries the upstream is down', async () => {
  const { reason, asked } = await homeWhenAccountsFail(9, { 'grpc-status': '14' });
  assert.deepEqual([reason, asked.length], ['UPSTREAM_DOWN', 3]);
});

test('an upstream that says not to is not asked again', async () => {
  const { reason, asked } = await homeWhenAccountsFail(9, { 'grpc-status': '14', 'grpc-retry-pushback-ms': '-1' });
  assert.deepEqual([reason, asked.length], ['UPSTREAM_DOWN', 1]);
});

for (const status of ['2', '4', '5', '8', '13']) {
  test(`a failure with status ${status} is not tried again`, async () => {
    const { code, asked } = await homeWhenAccountsFail(9, { 'grpc-status': status });
    assert.notEqual(code, 0);
    assert.equal(asked.length, 1);
  });
}

test('an upstream that failed so often is spared further tries', async () => {
  const { reason, asked } = await homeWhenAccountsFail(9, { 'grpc-status': '14' });
  assert.deepEqual([reason, asked.length], ['UPSTREAM_DOWN', 1]);
});

test('a write is sent once, whatever becomes of it', async () => {
  const first = orders.calls.length;
  orders.answer = (asked) => trailersOnly(asked, { 'grpc-status': '14' });
  assert.equal((await call('OrderService/PlaceOrder', wish, true)).code, 14);
  assert.equal(orders.calls.length - first, 1);
});
