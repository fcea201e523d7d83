import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { createFileRegistry, type DescMessage, fromBinary, toBinary, toJson, toJsonString } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { exactJsonText } from './exact-json.ts';
import { InexactJson, readJson } from './json-request.ts';

const root = resolve(import.meta.dirname, '../../..');
const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, readFileSync(resolve(root, 'test/fixture/gen/messages.binpb'))));
const shipment = registry.getMessage('messages.v1.Shipment') as DescMessage;
const read = (text: string) => {
  const message = readJson(shipment, text, registry);
  return JSON.parse(exactJsonText(toJson(shipment, message, { registry }), toBinary(shipment, message)));
};

const exact: readonly (readonly [json: string, means: unknown])[] = [
  ['{"big":9007199254740993}', { big: '9007199254740993' }],
  ['{"big":-9223372036854775808}', { big: '-9223372036854775808' }],
  ['{"unsignedBig":18446744073709551615}', { unsignedBig: '18446744073709551615' }],
  ['{"unsigned_big":"18446744073709551615"}', { unsignedBig: '18446744073709551615' }],
  ['{"numbers":[9007199254740993,"9007199254740995",1]}', { numbers: ['9007199254740993', '9007199254740995', '1'] }],
  ['{"byNumber":{"9007199254740993":"a"}}', { byNumber: { '9007199254740993': 'a' } }],
  ['{"big":1.0}', { big: '1' }],
  ['{"weight":1.0}', { weight: 1 }],
  ['{"number":9007199254740993}', { number: 9007199254740992 }],
  ['{"number":1e3}', { number: 1000 }],
  ['{"value":{"a":[1e2,9007199254740993]}}', { value: { a: [100, 9007199254740992] } }],
  ['{"at":"2024-02-29T23:59:59.5+01:00"}', { at: '2024-02-29T22:59:59.500Z' }],
  ['{"at":"2000-02-29T00:00:00Z"}', { at: '2000-02-29T00:00:00Z' }],
  ['{"within":"1.5s"}', { within: '1.500s' }],
  ['{"notes":{"__proto__":"a","constructor":"b"}}', JSON.parse('{"notes":{"__proto__":"a","constructor":"b"}}')],
  ['{"unknown":1e999}', {}],
  ['{"label":"\\ud83d\\ude00 \\\\ud800"}', { label: '😀 \\ud800' }],
  ['{"weight":"5e0"}', { weight: 5 }],
  ['{"weight":"-2147483648.0"}', { weight: -2147483648 }],
  ['{"weight":"0.5e1"}', { weight: 5 }],
  ['{"number":123456789012345.9999}', { number: 123456789012346 }],
  ['{"number":-0.0,"weight":-0}', { number: -0 }],
  ['{"number":"-Infinity"}', { number: '-Infinity' }],
  ['{"at":"0001-01-01T00:00:00Z"}', { at: '0001-01-01T00:00:00Z' }],
  ['{"at":"9999-12-31T23:59:59.999999999Z"}', { at: '9999-12-31T23:59:59.999999999Z' }],
  ['{"at":"1969-12-31T23:59:59.5Z"}', { at: '1969-12-31T23:59:59.500Z' }],
  ['{"within":"-315576000000s"}', { within: '-315576000000s' }],
  ['{"raw":"-_8"}', { raw: '+/8=' }],
  ['{"byNumber":{"-9223372036854775808":"a","0":"b"}}', { byNumber: { '-9223372036854775808': 'a', '0': 'b' } }],
];

const refused: readonly (readonly [json: string, field?: string])[] = [
  ['{"big":9223372036854775808}'],
  ['{"big":9007199254740993.0}', 'big'],
  ['{"big":1e3}', 'big'],
  ['{"big":900719925474.0993e4}', 'big'],
  ['{"big":1.5}'],
  ['{"big":1.0000000000000000001}', 'big'],
  ['{"unsignedBig":-1}'],
  ['{"numbers":[1,1e2]}', 'numbers[1]'],
  ['{"weight":2147483648}'],
  ['{"weight":1e1}', 'weight'],
  ['{"weight":2147483646.99999999}', 'weight'],
  ['{"weight":"2147483646.99999999"}', 'weight'],
  ['{"weight":"1e-400"}', 'weight'],
  ['{"weight":"1.0000000000000000001"}', 'weight'],
  ['{"unsignedSmall":4294967294.999999999}', 'unsigned_small'],
  ['{"big":123456789012345.9999}', 'big'],
  ['{"numbers":[-123456789012345.9999]}', 'numbers[0]'],
  ['{"kind":1.00000000000000001}', 'kind'],
  ['{"byNumber":{"1":"a","+1":"b"}}', 'by_number[…]'],
  ['{"byNumber":{"01":"a"}}', 'by_number[…]'],
  ['{"byNumber":{"-0":"a"}}', 'by_number[…]'],
  ['{"label":"\\ud800"}'],
  ['{"value":{"\\ud800":1,"\\uD801":2}}'],
  ['{"value":"\\\\\\udc00"}'],
  ['{"weight":99999999999999999999}', 'weight'],
  ['{"unsignedSmall":4294967296}'],
  ['{"number":1e999}', 'number'],
  ['{"number":"1e999"}'],
  ['{"small":1e39}'],
  ['{"value":[1e999]}', 'value'],
  ['{"kind":99999999999999999999}', 'kind'],
  ['{"kind":2147483648}'],
  ['{"at":"2024-02-30T00:00:00Z"}', 'at'],
  ['{"at":"2023-02-29T00:00:00Z"}', 'at'],
  ['{"at":"1900-02-29T00:00:00Z"}', 'at'],
  ['{"at":"2024-04-31T00:00:00Z"}', 'at'],
  ['{"at":"2024-01-01T24:00:00Z"}', 'at'],
  ['{"at":"2024-01-01T00:00:60Z"}', 'at'],
  ['{"at":"2024-01-01T00:00:00+25:00"}', 'at'],
  ['{"at":"2024-01-01"}', 'at'],
  ['{"at":"2024-01-01T00:00:00.0000000001Z"}', 'at'],
  ['{"within":"1.0000000001s"}', 'within'],
  ['{"within":"1sx"}', 'within'],
  ['{"within":"1"}', 'within'],
  ['{"at":"0000-12-31T23:59:59Z"}', 'at'],
  ['{"at":"0001-01-01T00:00:00+01:00"}', 'at'],
  ['{"at":"9999-12-31T23:59:59-01:00"}', 'at'],
  ['{"at":"2024-01-01t00:00:00z"}', 'at'],
  ['{"within":"315576000001s"}', 'within'],
  ['{"big":"0x10"}', 'big'],
  ['{"big":" 1"}', 'big'],
  ['{"big":"+1"}', 'big'],
  ['{"big":"007"}', 'big'],
  ['{"weight":"1 "}', 'weight'],
  ['{"weight":"Infinity"}', 'weight'],
  ['{"number":"0x1"}', 'number'],
  ['{"number":"nan"}', 'number'],
  ['{"byNumber":{"0x1":"a"}}', 'by_number[…]'],
  ['{"byNumber":{" 1":"a"}}', 'by_number[…]'],
  ['{"raw":"YQ==YQ=="}', 'raw'],
  ['{"raw":"Y Q=="}', 'raw'],
  ['{"raw":"=="}', 'raw'],
  ['{"stops":[{"city":"a"},{"next":{"next":5}}]}'],
  ['{"big":1,"big":2}'],
  ['{"unsigned_big":1,"unsignedBig":2}'],
  ['{"locker":"a","pickup":{"city":"b"}}'],
  [`{"value":${'['.repeat(200_000)}${']'.repeat(200_000)}}`],
  [`{"to":${'{"next":'.repeat(300)}{}${'}'.repeat(300)}}`],
];

for (const [json, means] of exact) test(`exact: ${json}`, () => assert.deepEqual(read(json), means));

for (const [json, field] of refused)
  test(`refused: ${json.slice(0, 60)}`, () => {
    assert.throws(
      () => read(json),
      (error) => field === undefined || (error instanceof InexactJson && error.field === field && !/\d{5}/.test(error.message)),
    );
  });

test('what this registry writes as JSON is read as the same bytes', () => {
  const bytes = Buffer.from(
    toBinary(
      shipment,
      readJson(shipment, '{"to":{"city":"a","next":{"city":"b"}},"places":{"x":{"city":"c"}},"big":"-5","number":"NaN","value":null}', registry),
    ),
  );
  const again = readJson(shipment, toJsonString(shipment, fromBinary(shipment, bytes), { registry }), registry);
  assert.deepEqual(Buffer.from(toBinary(shipment, again)), bytes);
});

const digits = fc.array(fc.constantFrom('0', '1', '5', '9', '00000000', '99999999'), { maxLength: 3 }).map((parts) => parts.join(''));
const edges = fc.constantFrom('0', '2147483646', '4294967294', '123456789012345', '9007199254740993', '18446744073709551615');
/** A number in JSON, and the same without a rounding: an integer and a power of ten. */
const decimal = fc
  .record({
    sign: fc.constantFrom('', '-'),
    whole: fc.oneof(digits, edges),
    fraction: fc.oneof(fc.constant(''), digits),
    exponent: fc.option(fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constantFrom(-400, -20, 20)), { freq: 1 }),
  })
  .map(({ sign, whole, fraction, exponent }) => {
    const before = whole.replace(/^0+(?=\d)/, '') || '0';
    return {
      text: `${sign}${before}${fraction === '' ? '' : `.${fraction}`}${exponent === null ? '' : `e${exponent}`}`,
      integer: BigInt(`${sign}${before}${fraction}`),
      power: (exponent ?? 0) - fraction.length,
    };
  });

test('any number is the integer that a field of integers gets, or is refused, as a number and as text', () => {
  const seen = { exact: 0, refused: 0 };
  fc.assert(
    fc.property(
      decimal,
      fc.constantFrom('weight', 'big', 'unsignedSmall', 'unsignedBig'),
      fc.boolean(),
      ({ text, integer, power }, field, quoted) => {
        let got: unknown;
        try {
          got = read(`{"${field}":${quoted ? `"${text}"` : text}}`)[field] ?? 0;
        } catch {
          seen.refused++;
          return;
        }
        seen.exact++;
        const [of, at] = power >= 0 ? [integer * 10n ** BigInt(power), 1n] : [integer, 10n ** BigInt(-power)];
        assert.equal(BigInt(got as string) * at, of, `${field} ${text}`);
      },
    ),
    { numRuns: 3_000 },
  );
  assert.ok(seen.exact > 100 && seen.refused > 100, JSON.stringify(seen));
});
