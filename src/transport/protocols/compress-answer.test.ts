import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { planOf } from '../../../test/support/cache/ready-call.ts';
import { type Codec, protoCodec } from './codec.ts';
import { encoded, encodedFrame, formsOfMessage, type Gzip, gzipFor } from './compress-answer.ts';

/** RFC 9110, sections 12.4.2 and 12.5.3. */
const table: readonly (readonly [header: string | string[] | undefined, expected: Gzip])[] = [
  [undefined, 'never'],
  ['', 'never'],
  ['gzip', 'large'],
  ['x-gzip', 'large'],
  ['GZip', 'large'],
  ['identity,deflate,gzip', 'large'],
  [['br', 'gzip'], 'large'],
  ['br;q=1.0, gzip;q=0.8, *;q=0.1', 'large'],
  ['*', 'large'],
  ['*;q=0.5', 'large'],
  ['br, *;q=0', 'never'],
  ['identity', 'never'],
  ['br', 'never'],
  ['gzip;q=0', 'never'],
  ['gzip; q=0.000', 'never'],
  ['gzip ; Q=0', 'never'],
  ['gzip;q=0, *', 'never'],
  ['gzip;q=0.001', 'large'],
  ['gzip;q=1.000', 'large'],
  ['identity;q=1, gzip;q=0.5', 'never'],
  ['identity;q=0.5, gzip;q=0.5', 'large'],
  ['gzip, identity;q=0', 'always'],
  ['gzip, *;q=0', 'always'],
  ['*;q=0, gzip;q=0.1', 'always'],
  ['identity;q=0', 'never'], // nothing that can be sent is accepted: then rather an answer than none
  ['gzip;q=2', 'never'],
  ['gzip;q=1.5', 'never'],
  ['gzip;q=-1', 'never'],
  ['gzip;q=0.0001', 'never'],
  ['gzip;q=', 'never'],
  ['gzip;level=1', 'large'],
  ['gzipped', 'never'],
  [',, ,gzip,', 'large'],
  [`${'a,'.repeat(8_000)}gzip`, 'never'],
];
for (const [header, expected] of table)
  test(`accept-encoding: ${String(header).slice(0, 40)} means gzip: ${expected}`, () => assert.equal(gzipFor(header), expected));

test('a message that many streams are sent is made JSON and compressed once, for each type', () => {
  const made: string[] = [];
  const codec: Codec = {
    name: 'json',
    read: () => assert.fail('it is an answer'),
    write: (plan) => {
      made.push(plan.descriptor.name);
      return Buffer.from(plan.descriptor.name.repeat(500));
    },
  };
  const [event, other] = [Buffer.from('an event'), Buffer.from('an event')];
  const [item, list] = [planOf('GetItem', {}), planOf('ListItems', {})];
  const sent = (plan: typeof item, message: Uint8Array) =>
    encodedFrame(codec, plan, message, { gzip: 'large', forms: formsOfMessage(plan, message) });
  assert.deepEqual(sent(item, event), sent(item, event));
  assert.notDeepEqual(sent(list, event), sent(item, event));
  sent(item, other);
  assert.deepEqual(made, ['GetItem', 'ListItems', 'GetItem']);
});

test('a client that accepts gzip only gets a large answer stored, because compressing it would block all others', () => {
  const plan = planOf('GetItem', {});
  for (const size of [262_144, 262_145, 1_000_000, 9_000_000]) {
    const message = Buffer.alloc(size, 'the same again ');
    const { bytes, compressed } = encoded(protoCodec, plan, message, { gzip: 'always' });
    assert.deepEqual([compressed, gunzipSync(bytes).equals(message)], [true, true]);
    assert.equal(bytes.byteLength > size, size > 262_144, `${bytes.byteLength} of ${size} bytes`);
  }
});
