// PostgreSQL's text holds every character but U+0000: core's services refuse it as the client's mistake, screens get it as it came.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SignInRequest } from '../../src/gen/portico/v1/session.ts';
import { type Form, forms, type Messages, openMessages, send } from './harness.ts';

let messages: Messages;
before(async () => {
  messages = await openMessages();
});
after(async () => messages?.[Symbol.asyncDispose]());

const device = { platform: 'ios', name: 'a test' };
const dev = { user: 'alice', scopes: ['home.read'] };
const requests = {
  'device.name': { dev, device: { ...device, name: 'a\0b' } },
  'device.installation_id': { dev, device: { ...device, installationId: '\0' } },
  'dev.user': { dev: { ...dev, user: 'alice\0' }, device },
  'dev.scopes[1]': { dev: { ...dev, scopes: ['home.read', '\0'] }, device },
} as const;

for (const [field, json] of Object.entries(requests)) {
  test(`U+0000 in ${field} of a sign-in is REQUEST_INVALID and names the field`, async () => {
    const { dev: value, device } = json;
    const bytes = SignInRequest.encode(
      SignInRequest.fromPartial({ identity: { $case: 'dev', value: { ...value, scopes: [...value.scopes] } }, device }),
    ).finish();
    for (const form of forms as readonly Form[]) {
      const came = await send(messages.wire, form, 'portico.v1.SessionService/SignIn', form === 'json' ? JSON.stringify(json) : bytes);
      assert.deepEqual([came.code, came.reason], [3, 'REQUEST_INVALID'], form);
      assert.ok(
        came.details?.badRequest?.fieldViolations.some((violation) => violation.field === field && violation.reason === 'STRING_NO_NUL'),
        JSON.stringify(came.details?.badRequest),
      );
    }
  });
}

test('to a screen U+0000 is a character like any other', async () => {
  const came = await send(messages.wire, 'json', 'messages.v1.MessageService/Ship', '{"label":"a\\u0000b"}');
  assert.equal(came.body.toString(), '{"seen":{"label":"a\\u0000b"}}');
});
