// A claim that tells answers apart is text, exactly, or its token is refused: two tenants never share an entry.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { decodeJwt } from 'jose';
import { Shipped } from '../fixture/gen/messages/v1/messages.ts';
import { openIssuer, type StubIssuer } from '../support/token/issuer.ts';
import { reply } from '../support/upstream/raw-upstream.ts';
import { forms, type Messages, openMessages, send } from './harness.ts';

const ofTenant = 'messages.v1.MessageService/OfTenant';
let issuer: StubIssuer;
let messages: Messages;
before(async () => {
  issuer = await openIssuer('corp');
  messages = await openMessages({
    'auth.externalIssuers': [{ issuer: issuer.issuer, jwksUrl: issuer.jwksUrl, audiences: ['api'], userPrefix: 'corp:' }],
  });
  messages.upstream.answer = (call) => reply(call, { messages: [Buffer.alloc(0)] });
});
after(async () => {
  await messages?.[Symbol.asyncDispose]();
  await issuer?.[Symbol.asyncDispose]();
});

const bearer = (claims: object) => {
  const iat = Math.floor(Date.now() / 1_000);
  return { authorization: `Bearer ${issuer.sign({ iss: issuer.issuer, aud: 'api', sub: 'ada', iat, exp: iat + 60, ...claims }, { typ: 'at+jwt' })}` };
};

for (const form of forms) {
  const ask = (claims: object) => send(messages.wire, form, ofTenant, form === 'json' ? '{}' : '', bearer(claims));
  const textsOf = async (claims: object) => {
    const { code, body, text } = await ask(claims);
    assert.equal(code, 0, text);
    return form === 'json' ? JSON.parse(body.toString()).texts : Object.fromEntries(Shipped.decode(body).texts);
  };

  test(`${form}: tenants of other numbers, and nobody's, get answers of their own, without a user`, async () => {
    assert.deepEqual(await textsOf({ tenant: 42 }), { tenant: '42', user: 'undefined' });
    assert.deepEqual(await textsOf({ tenant: 43 }), { tenant: '43', user: 'undefined' });
    assert.deepEqual(await textsOf({ tenant: '' }), { tenant: '', user: 'undefined' });
    assert.deepEqual(await textsOf({}), { user: 'undefined' });
  });

  test(`${form}: a token whose claim is no text is refused, and the claim named`, async () => {
    for (const tenant of [['42'], { id: 42 }, true, null, 'a\0b']) {
      const came = await ask({ tenant });
      assert.deepEqual([came.code, came.reason, came.details?.info?.metadata.get('claim')], [16, 'TOKEN_INVALID', 'tenant'], JSON.stringify(tenant));
    }
    for (const sub of ['ada\0', '\ud800']) assert.equal((await ask({ sub })).reason, 'TOKEN_INVALID');
  });
}

test('no internal token of such a computation has a user', () => {
  assert.ok(messages.upstream.calls.length > 0);
  for (const { headers } of messages.upstream.calls) assert.equal(decodeJwt(String(headers.authorization).slice(7)).sub, undefined);
});
