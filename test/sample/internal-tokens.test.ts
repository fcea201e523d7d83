import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { decodeJwt } from 'jose';
import { type Channel, ClientError, createChannel, createClient, createServer, Metadata, type Server } from 'nice-grpc';
import { app } from '../../src/app/index.ts';
import { OrderServiceDefinition } from '../../src/gen/orders/v1/order.ts';
import { PromotionServiceDefinition } from '../../src/gen/promotions/v1/promotion.ts';
import { signIn, transportOf } from '../support/client/protocols.ts';
import { openTestServer } from '../support/server/test-server.ts';
import { type Key, keyOfServer, makeKey, tokenOf } from '../support/token/jws.ts';
import { callSample, openSampleServer, type SampleServer, sampleRegistry, sampleRelease } from './sample-server.ts';

let company: SampleServer;
let channel: Channel;
let key: Key;
before(async () => {
  company = await openSampleServer();
  channel = createChannel(company.links.orders.address);
  key = await keyOfServer(company.server.dataDir);
});
after(async () => {
  channel?.close();
  await company?.close();
});

const header = () => ({ alg: 'ES256', typ: 'portico-internal+jwt', kid: key.kid });

/** Whose orders the service itself shows for this metadata: the users in its answer, or the status. */
async function ordersFor(metadata: Record<string, string>): Promise<string> {
  try {
    const { orders } = await createClient(OrderServiceDefinition, channel).listOrders({}, { metadata: Metadata(metadata) });
    return `${orders.length > 0 ? orders.map(({ orderId }) => orderId).join(' ') : 'none'}`;
  } catch (error) {
    return error instanceof ClientError ? String(error.code) : String(error);
  }
}

test('a sample service authorises by the internal token alone', async (t) => {
  const nowS = Math.floor(Date.now() / 1_000);
  const claims = { iss: 'portico', aud: 'orders', sub: 'bob', iat: nowS, exp: nowS + 60 };
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const bobs = await ordersFor(bearer(tokenOf(header(), claims, key)));
  const alices = await ordersFor(bearer(tokenOf(header(), { ...claims, sub: 'alice' }, key)));
  assert.ok(/^1\d{3}/.test(bobs) && /^1\d{3}/.test(alices) && bobs !== alices, `${bobs} and ${alices}`);

  const alice = await signIn(company.server, sampleRegistry, 'alice');
  const refused: Readonly<Record<string, Record<string, string>>> = {
    'no token': {},
    'metadata that names a user': { 'x-user-id': 'alice', 'portico-user': 'alice' },
    "another upstream's token": bearer(tokenOf(header(), { ...claims, aud: 'accounts' }, key)),
    "a user's own access token": bearer(alice.accessToken),
    "an access token's typ": bearer(tokenOf({ ...header(), typ: 'at+jwt' }, claims, key)),
    'a service token': bearer(await company.server.portico.serviceToken('orders', 60_000)),
    "another server's token": bearer(tokenOf(header(), { ...claims, iss: 'another' }, key)),
    'an expired token': bearer(tokenOf(header(), { ...claims, iat: nowS - 120, exp: nowS - 60 }, key)),
    "a stranger's key": bearer(tokenOf(header(), claims, makeKey('stranger'))),
    'alg none': bearer(
      `${tokenOf({ ...header(), alg: 'none' }, claims, key)
        .split('.')
        .slice(0, 2)
        .join('.')}.`,
    ),
  };
  for (const [name, metadata] of Object.entries(refused)) await t.test(name, async () => assert.equal(await ordersFor(metadata), '16'));
  await t.test('a token for nobody', async () => assert.equal(await ordersFor(bearer(tokenOf(header(), { ...claims, sub: undefined }, key))), '7'));
  await t.test('a user in the metadata beside the token changes nothing', async () => {
    assert.equal(await ordersFor({ ...bearer(tokenOf(header(), claims, key)), 'x-user-id': 'alice', 'portico-user': 'alice' }), bobs);
  });
});

test('an answer for all is computed for nobody: no user, and nothing of the client that no vary names, reaches the upstream', async () => {
  let seen = Metadata();
  const upstreamServer: Server = createServer();
  upstreamServer.add(PromotionServiceDefinition, {
    listPromotions: async (_request, context) => {
      seen = context.metadata;
      return { promotions: [] };
    },
  });
  const port = await upstreamServer.listen('127.0.0.1:0');
  const samples = { promotions: `127.0.0.1:${port}`, accounts: '127.0.0.1:1', orders: '127.0.0.1:1', couriers: '127.0.0.1:1' };
  const server = await openTestServer({ app, release: sampleRelease, samples });
  try {
    const { headers } = await signIn(server, sampleRegistry, 'alice');
    const client = { ...headers, 'app-version': '1.2.3', 'app-platform': 'ios', 'idempotency-key': 'alice-1', 'accept-language': 'de' };
    const { code } = await callSample(transportOf('grpc h2', server), 'app.v1.PromotionService/ListPromotions', {}, { headers: client });
    assert.equal(code, 0);
    assert.equal(decodeJwt(String(seen.get('authorization')).slice('Bearer '.length)).sub, undefined);
    for (const name of ['app-version', 'app-platform', 'idempotency-key']) assert.equal(seen.get(name), undefined, name);
    assert.equal(seen.get('accept-language'), 'de');
  } finally {
    await server.close();
    upstreamServer.forceShutdown();
  }
});
