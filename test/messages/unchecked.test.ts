// Rules that cannot be run for a value: the client has sent it, and learns which field it is.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { create, type DescMessage, fromJson, type JsonValue, toBinary } from '@bufbuild/protobuf';
import { registryOf } from '../support/client/protocols.ts';
import { forms, type Messages, messagesRelease, openMessages, send } from './harness.ts';

const Parcel = registryOf(messagesRelease.descriptorSet).getMessage('messages.v1.Parcel') as DescMessage;
let messages: Messages;
before(async () => {
  messages = await openMessages();
});
after(async () => messages?.[Symbol.asyncDispose]());

/** By the field that is named. A span of 10,000 years leads to a time that there is not. */
const cases: Readonly<Record<string, JsonValue>> = {
  divisor: { divisor: 1 },
  at: { divisor: 3, at: 'tomorrow' },
  within: { within: '1 hour' },
  side: { side: '9223372036854775807' },
  'weights[7]': { weights: [1, 2], chosen: 7 },
  number: { number: 'seven' },
  span: { span: '315576000000s' },
  'parts[1].divisor': { parts: [{ divisor: 2 }, { divisor: 1 }] },
  'parts[0].parts[0].number': { parts: [{ parts: [{ number: 'x' }] }] },
  'named["a\\"b"].at': { named: { 'a"b': { at: '2020-13-01T00:00:00Z' } } },
};

for (const [field, json] of Object.entries(cases))
  test(`a value of ${field} for which its rule cannot be run is REQUEST_INVALID and named`, async () => {
    const bytes = toBinary(Parcel, fromJson(Parcel, json));
    for (const form of forms) {
      const came = await send(messages.wire, form, 'messages.v1.MessageService/Weigh', form === 'json' ? JSON.stringify(json) : bytes);
      assert.deepEqual([came.code, came.reason], [3, 'REQUEST_INVALID'], form);
      assert.deepEqual(
        came.details?.badRequest?.fieldViolations.map((violation) => [violation.field, violation.reason]),
        [[field, 'CEL_ERROR']],
        form,
      );
    }
  });

test('a value that breaks such a rule, or keeps it, is answered as ever', async () => {
  const weigh = (json: string) => send(messages.wire, 'json', 'messages.v1.MessageService/Weigh', json);
  assert.equal((await weigh('{"divisor":3,"at":"2021-01-01T00:00:00Z","weights":[0,5],"chosen":1}')).code, 0);
  const came = await weigh('{"number":"-1"}');
  assert.deepEqual(
    came.details?.badRequest?.fieldViolations.map(({ field, reason }) => [field, reason]),
    [['number', 'PARCEL_NUMBER']],
  );
});

test('a time or a span out of range is refused by every protocol, with a rule and without one', async () => {
  const second = { seconds: 1n, nanos: 0 };
  const requests = [
    { sent: { ...second, seconds: 10n ** 18n } },
    { sent: { ...second, seconds: -(10n ** 18n) } },
    { sent: { ...second, nanos: -1 } },
    { by: { case: 'span', value: { ...second, seconds: 315_576_000_001n } } },
  ];
  for (const [i, request] of requests.entries()) {
    const bytes = toBinary(Parcel, create(Parcel, request));
    for (const form of ['grpc', 'grpc-web', 'connect'] as const) {
      const came = await send(messages.wire, form, 'messages.v1.MessageService/Weigh', bytes);
      assert.equal(came.code, 3, `${form} ${i}`);
    }
  }
  for (const json of ['{"sent":"10000-01-01T00:00:00Z"}', '{"span":"315576000001s"}'])
    assert.equal((await send(messages.wire, 'json', 'messages.v1.MessageService/Weigh', json)).code, 3, json);
});
