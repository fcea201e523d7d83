// Rules that a token decides by itself: scopes and claims. A renewal runs them anew with the new token.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { signIn } from '../support/client/protocols.ts';
import { type LiveServer, liveRegistry, namespaces, openLiveServer } from '../support/server/live-server.ts';
import { openIssuer, type StubIssuer } from '../support/token/issuer.ts';
import { until } from '../support/time/until.ts';

let issuer: StubIssuer;
let server: LiveServer;
before(async () => {
  issuer = await openIssuer('corp');
  server = await openLiveServer({
    settings: {
      'auth.externalIssuers': [{ issuer: issuer.issuer, jwksUrl: issuer.jwksUrl, audiences: ['api'], userPrefix: 'corp:' }],
      'live.namespaces': { ...namespaces, depot: { listen: 'claim', claim: 'depot' } },
    },
  });
});
after(async () => {
  await server?.close();
  await issuer?.[Symbol.asyncDispose]();
});

const tokenOf = (claims: object) => {
  const iat = Math.floor(Date.now() / 1_000);
  return issuer.sign({ iss: issuer.issuer, aud: 'api', sub: 'ada', iat, exp: iat + 60, ...claims }, { typ: 'at+jwt' });
};
const bearer = (claims: object) => ({ authorization: `Bearer ${tokenOf(claims)}` });
const topics = (...names: readonly string[]) => ({ subscriptions: names.map((topic) => ({ topic, generation: 1 })) });

test('a claim that no policy names admits those whose it is, and ends with a renewal without it', async () => {
  const client = await server.live('', topics('depot:42', 'depot:43', 'depot:'), { headers: bearer({ depot: 42 }) });
  await client.wait('subscriptionClosed', 2);
  assert.deepEqual(
    client.all('subscriptionClosed').map(({ topic, reason }) => [topic, reason]),
    [
      ['depot:43', 'TOPIC_FORBIDDEN'],
      ['depot:', 'TOPIC_UNKNOWN'],
    ],
  );
  await client.wait('subscribed');
  await server.publish({ topic: 'depot:42', text: 'one' });
  await until('it came', () => client.events().length === 1);
  client.send({ case: 'renew', value: { accessToken: tokenOf({ depot: '43' }) } });
  assert.equal((await client.wait('renewed')).reason, '');
  const closed = await client.wait('subscriptionClosed', 3);
  assert.deepEqual([closed.topic, closed.reason, closed.advice], ['depot:42', 'TOPIC_FORBIDDEN', 4]);
  await server.publish({ topic: 'depot:42', text: 'two' });
  client.send({ case: 'subscribe', value: { topic: 'depot:43', generation: 2 } });
  await client.wait('subscribed', 2);
  assert.deepEqual(client.events(), ['one']);
});

test('a token without the claim, or without a text in it, admits nobody', async () => {
  const client = await server.live('', topics('depot:undefined', 'depot:null'), { headers: bearer({}) });
  await client.wait('subscriptionClosed', 2);
  assert.equal(client.all('subscribed').length, 0);
  const wrong = await server.live('', topics('depot:42'), { headers: bearer({ depot: ['42'] }) });
  await until('it was refused', () => wrong.ended() !== undefined);
  assert.match(String(wrong.ended()?.error), /unauthenticated/);
});

test('a scope admits those who have it', async () => {
  const staff = (await signIn(server, liveRegistry, 'alice', ['items.write'])).headers;
  await (await server.live('alice', topics('staff:1'), { headers: staff })).wait('subscribed');
  const other = (await signIn(server, liveRegistry, 'bob', ['items.read'])).headers;
  assert.equal((await (await server.live('bob', topics('staff:1'), { headers: other })).wait('subscriptionClosed')).reason, 'TOPIC_FORBIDDEN');
});
