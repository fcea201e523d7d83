// The bounds of a request besides its bytes, with a token: at each bound it passes, and one more is refused by the
// bound's name.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { requestBounds } from '../../src/core/kit/request-complexity.ts';
import { registryOf, signIn } from '../support/client/protocols.ts';
import { fixtureRelease } from '../support/server/test-server.ts';
import { type Form, forms, type Messages, openMessages, send } from './harness.ts';

const ship = 'messages.v1.MessageService/Ship';
let messages: Messages;
let authorization: string;
before(async () => {
  messages = await openMessages();
  ({ authorization } = (await signIn(messages.server, registryOf(fixtureRelease.descriptorSet), 'alice')).headers);
});
after(async () => messages?.[Symbol.asyncDispose]());

const { fields, unknownFields } = requestBounds;
/** Shipment.weight, which may occur repeatedly: the last one holds. */
const weight = Buffer.from([0x30, 0]);
/** A field 99, which neither Shipment nor Place has. */
const unknown = Buffer.from([0x98, 0x06, 0]);
/** An item of Shipment.stops: with its city two fields. */
const stop = (...more: readonly Buffer[]) => {
  const place = Buffer.concat([Buffer.from([0x0a, 1, 0x61]), ...more]);
  return Buffer.concat([Buffer.from([0x7a, place.length]), place]);
};
const times = (count: number, bytes: Buffer) => Buffer.alloc(count * bytes.length, bytes);
const listed = (count: number, textOf: (i: number) => string) => Array.from({ length: count }, (_, i) => textOf(i)).join();
const unknownNames = (count: number) => listed(count, (i) => `"u${i}":${i}`);

type Row = readonly [what: string, bound: 'fields' | 'unknownFields', atBound: Buffer | string, beyond: Buffer | string];
const rows: readonly Row[] = [
  ['fields', 'fields', times(fields, weight), times(fields + 1, weight)],
  ['fields and those within them', 'fields', times(fields / 2, stop()), Buffer.concat([times(fields / 2, stop()), weight])],
  ['unknown fields', 'unknownFields', times(unknownFields, unknown), times(unknownFields + 1, unknown)],
  [
    'unknown fields within others',
    'unknownFields',
    times(unknownFields / 2, stop(unknown, unknown)),
    Buffer.concat([times(unknownFields / 2, stop(unknown, unknown)), unknown]),
  ],
  [
    'names, and objects in lists',
    'fields',
    `{"weight":1,"stops":[${listed(fields / 2 - 1, () => '{"city":"a"}')}]}`,
    `{"weight":1,"label":"","stops":[${listed(fields / 2 - 1, () => '{"city":"a"}')}]}`,
  ],
  ['unknown names', 'unknownFields', `{${unknownNames(unknownFields)}}`, `{${unknownNames(unknownFields + 1)}}`],
  [
    'unknown names within others',
    'unknownFields',
    `{"stops":[${listed(unknownFields / 2, () => `{"city":"a",${unknownNames(2)}}`)}]}`,
    `{"stops":[${listed(unknownFields / 2, () => `{"city":"a",${unknownNames(2)}}`)}],"u":1}`,
  ],
];

const ask = (form: Form, body: Buffer | string) => send(messages.wire, form, ship, body, { authorization });

for (const [what, bound, atBound, beyond] of rows)
  for (const form of forms.filter((one) => (one === 'json') === (typeof atBound === 'string')))
    test(`${requestBounds[bound]} ${what} pass by ${form}, and one more is too complex`, async () => {
      const { code, text } = await ask(form, atBound);
      assert.deepEqual([code, text], [0, '']);
      const refused = await ask(form, beyond);
      assert.deepEqual([refused.code, refused.reason], [3, 'REQUEST_TOO_COMPLEX']);
      assert.deepEqual(
        [refused.details?.info?.metadata.get('bound'), refused.details?.info?.metadata.get('most')],
        [bound, String(requestBounds[bound])],
      );
    });

test('a packed list is one field, and so is an unknown field with all that is within it', async () => {
  const [packed, opaque] = [Buffer.alloc(40_000), Buffer.concat([times(20_000, weight)])];
  const sized = (tag: readonly number[], bytes: Buffer) => {
    const { length } = bytes;
    return Buffer.concat([Buffer.from([...tag, (length & 127) | 128, ((length >> 7) & 127) | 128, length >> 14]), bytes]);
  };
  assert.equal((await ask('grpc', sized([0x82, 0x01], packed))).code, 0); // Shipment.numbers
  assert.equal((await ask('grpc', sized([0x9a, 0x06], opaque))).code, 0);
  assert.equal((await ask('json', `{"numbers":[${listed(40_000, () => '0')}],"u":{${unknownNames(2 * unknownFields)}}}`)).code, 0);
});
