// What screens, handlers, internal services' answers and policies are read as is what protobuf-es reads, which has checked the rules.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createFileRegistry, type DescMessage, fromBinary, ScalarType, toBinary, toJsonString } from '@bufbuild/protobuf';
import { EmptySchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import fc from 'fast-check';
import { oneReading, scanned } from '../../src/core/kit/ambiguous-bytes.ts';
import { readJson } from '../../src/core/kit/json-request.ts';
import { RequestMessage } from '../../src/core/kit/request-message.ts';
import { jsonCodec } from '../../src/transport/protocols/codec.ts';
import { Assortment, Place, Shipment, Shipped } from '../fixture/gen/messages/v1/messages.ts';
import { messagesOf, reply } from '../support/upstream/raw-upstream.ts';
import { forms, type Messages, messagesRelease, openMessages, send } from './harness.ts';

const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, messagesRelease.descriptorSet));
const typeOf = (name: string) => registry.getMessage(`messages.v1.${name}`) as DescMessage;
const [ship, ask, forward] = ['messages.v1.MessageService/Ship', 'messages.v1.MessageService/Ask', 'messages.v1.MessageService/Forward'];
let messages: Messages;
before(async () => {
  messages = await openMessages();
});
after(async () => messages?.[Symbol.asyncDispose]());

const binaryForms = forms.filter((form) => form !== 'json');
const shipment = (fields: object) => Shipment.encode(Shipment.fromPartial(fields)).finish();
const inPieces = Buffer.concat([shipment({ to: { city: 'Bern' } }), shipment({ to: { street: 'Gasse 1' } })]);
const whole = { city: 'Bern', street: 'Gasse 1', next: undefined };

test('an embedded message that comes in pieces is merged before its rules are checked, and so the screen sees it', async () => {
  for (const form of binaryForms) {
    const came = await send(messages.wire, form, ship, inPieces);
    assert.deepEqual([came.code, messages.seen?.to, Shipped.decode(came.body).seen?.to], [0, whole, whole], form);
    const refused = await send(messages.wire, form, ship, Buffer.concat([shipment({ to: { street: 'a' } }), shipment({ to: { street: 'b' } })]));
    assert.equal(refused.reason, 'REQUEST_INVALID');
  }
});

test('so are the answers of internal services', async () => {
  const [one, other] = [Shipped.fromPartial({ seen: { to: { city: 'Bern' } } }), Shipped.fromPartial({ seen: { to: { street: 'Gasse 1' } } })];
  messages.upstream.answer = (call) => reply(call, { messages: [Buffer.concat([one, other].map((part) => Shipped.encode(part).finish()))] });
  for (const form of binaryForms) {
    const came = await send(messages.wire, form, ask, '');
    assert.deepEqual(Shipped.decode(came.body).seen?.to, whole, form);
  }
  assert.equal((await send(messages.wire, 'json', ask, '{}')).body.toString(), '{"seen":{"to":{"city":"Bern","street":"Gasse 1"}}}');
});

test('forwarded bytes leave as they came', async () => {
  let sent: readonly Buffer[] = [];
  messages.upstream.answer = async (call) => {
    sent = await messagesOf(call);
    reply(call, { messages: [Buffer.alloc(0)] });
  };
  for (const form of ['grpc'] as const) {
    assert.equal((await send(messages.wire, form, forward, inPieces)).code, 0);
    assert.deepEqual(sent, [inPieces]);
  }
});

test('bytes that codecs read differently are refused', async () => {
  const asText = Buffer.from([(8 << 3) | 2, 1, 5]); // int64 big, with the wire type of a text
  const tooLong = Buffer.from([(1 << 3) | 2, 1, (1 << 3) | 2, 0x04, 0x61, 0x61, 0x61, 0x61]); // `to` ends before its city does
  const group = Buffer.from([(6 << 3) | 4]);
  for (const bytes of [asText, tooLong, group])
    for (const form of binaryForms)
      for (const method of [ship, forward]) {
        const came = await send(messages.wire, form, method, bytes);
        // Connect's router has read them before us, and hands on what protobuf-es made of them
        if (form === 'grpc') assert.deepEqual([came.code, came.reason], [3, 'CALL_MALFORMED'], `${form} ${method} ${bytes.toString('hex')}`);
      }
});

test('map keys are any text, with texts and with messages as values, on screens and in answers', async () => {
  const keys = ['__proto__', 'constructor', 'toString', ''];
  const notes = new Map(keys.map((key) => [key, key.slice(0, 3)]));
  const places = new Map(keys.map((key) => [key, Place.fromPartial({ city: `in ${key}` })]));
  const bytes = shipment({ notes, places, value: JSON.parse('{"__proto__":{"__proto__":1}}') });
  const json = '"notes":{"__proto__":"__p"},"places":{"__proto__":{"city":"x"}},"value":{"__proto__":{"__proto__":1}}';
  messages.upstream.answer = (call) => reply(call, { messages: [Shipped.encode(Shipped.fromPartial({ places, texts: notes })).finish()] });
  for (const form of binaryForms) {
    const { seen } = Shipped.decode((await send(messages.wire, form, ship, bytes)).body);
    assert.deepEqual([seen?.notes, seen?.places], [notes, places], form);
    assert.equal(JSON.stringify(seen?.value), '{"__proto__":{"__proto__":1}}');
    const answered = Shipped.decode((await send(messages.wire, form, ask, bytes)).body);
    assert.deepEqual([answered.texts, answered.places], [notes, places], form);
  }
  assert.equal((await send(messages.wire, 'json', ship, `{${json}}`)).body.toString(), `{"seen":{${json}}}`);
});

const eightBytes: ReadonlySet<unknown> = new Set([ScalarType.DOUBLE, ScalarType.FIXED64, ScalarType.SFIXED64]);
const fourBytes: ReadonlySet<unknown> = new Set([ScalarType.FLOAT, ScalarType.FIXED32, ScalarType.SFIXED32]);

/** Bytes of a message of this type, as no encoder writes them: pieces in any order, twice, empty, with unknown fields and groups, or simply wrong. */
function wireBytes(type: DescMessage, depth = 0): fc.Arbitrary<Buffer> {
  const below0 = fc.nat(3).map((n) => Buffer.concat([Buffer.from([255 - n]), Buffer.alloc(8, 255), Buffer.from([1])]));
  const varint = fc.oneof(fc.oneof(fc.nat(3), fc.nat(), fc.constant(2 ** 31)).map(varintOf), below0);
  const of = (number: number, wireType: number, value: fc.Arbitrary<Buffer>) =>
    value.map((bytes) => Buffer.concat([varintOf(number * 8 + wireType), ...(wireType === 2 ? [varintOf(bytes.length)] : []), bytes]));
  const text = fc.constantFrom('', 'a', '__proto__', 'ü').map((value) => Buffer.from(value));
  const minusZero = (length: number) => Buffer.from([...Buffer.alloc(length - 1), 128]);
  const ofBytes = (length: number) =>
    fc.oneof(fc.uint8Array({ minLength: length, maxLength: length }).map(Buffer.from), fc.constant(minusZero(length)));
  const scalarBytes = (scalar: ScalarType | undefined, number: number, mayBePacked: boolean): fc.Arbitrary<Buffer> => {
    if (scalar === ScalarType.STRING || scalar === ScalarType.BYTES) return of(number, 2, text);
    const [wireType, one] = eightBytes.has(scalar) ? [1, ofBytes(8)] : fourBytes.has(scalar) ? [5, ofBytes(4)] : [0, varint];
    const packed = fc.array(one, { maxLength: 5 }).map((all) => Buffer.concat(all));
    return mayBePacked ? fc.oneof(of(number, wireType, one), of(number, 2, packed)) : of(number, wireType, one);
  };
  const value = ({ message, scalar, fieldKind }: DescMessage['fields'][number], number: number): fc.Arbitrary<Buffer> => {
    if (message === undefined) return scalarBytes(scalar, number, fieldKind === 'list');
    return of(number, 2, depth > 2 ? fc.constant(Buffer.alloc(0)) : wireBytes(message, depth + 1));
  };
  if (type.fields.length === 0) return fc.constant(Buffer.alloc(0));
  const fields = type.fields.map((field) => {
    if (field.fieldKind !== 'map') return value(field, field.number);
    const key = scalarBytes(field.mapKey, 1, false);
    return of(
      field.number,
      2,
      fc.array(fc.oneof(key, value(field, 2)), { maxLength: 3 }).map((all) => Buffer.concat(all)),
    );
  });
  const unknown = of(99, 0, varint);
  const group = varint.map((inner) => Buffer.concat([varintOf(98 * 8 + 3), varintOf(1 * 8), inner, varintOf(98 * 8 + 4)]));
  return fc
    .array(fc.oneof({ weight: 20, arbitrary: fc.oneof(...fields) }, unknown, group, fc.uint8Array({ maxLength: 3 }).map(Buffer.from)), {
      maxLength: 8,
    })
    .map((all) => Buffer.concat(all));
}

function varintOf(value: number): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    bytes.push(rest < 128 ? rest : (rest % 128) + 128);
    if (rest < 128) return Buffer.from(bytes);
  }
}

/** The fields that ts-proto keeps in less than they are: any JSON as what it has, without its absent kinds. */
const inexact = { Shipment: new Set(['value']), Assortment: new Set(['object', 'list']) } as const;

/** Without these fields, at any depth. */
function withoutInexact(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutInexact);
  if (value instanceof Map) return new Map([...value].map(([key, inner]) => [key, withoutInexact(inner)]));
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array || value instanceof Date) return value;
  const left: ReadonlySet<string> = 'notes' in value ? inexact.Shipment : 'zigzag' in value ? inexact.Assortment : new Set();
  const kept = Object.entries(value).filter(([key, inner]) => !left.has(key) || Array.isArray(inner));
  return Object.fromEntries(kept.map(([key, inner]) => [key, left.has(key) ? [] : withoutInexact(inner)]));
}

/** Whether a Timestamp is no time, which both refuse. */
function hasNoTime(decode: () => unknown): boolean {
  try {
    decode();
    return false;
  } catch (error) {
    assert.match(String(error), /^RangeError: .*Timestamp/);
    return true;
  }
}

for (const [name, codec] of Object.entries({ Shipment, Shipped, Place, Assortment })) {
  test(`any bytes of a ${name} are read by ts-proto as by protobuf-es, or refused`, () => {
    const type = typeOf(name);
    const read = oneReading(type);
    const seen = { plain: 0, merged: 0, ambiguous: 0 };
    fc.assert(
      fc.property(wireBytes(type), (generated) => {
        const bytes = new Uint8Array(generated); // of a Buffer ts-proto keeps Buffers
        const how = scanned(type, bytes)?.reading ?? 'ambiguous';
        seen[how]++;
        if (how === 'ambiguous') return;
        let truth: Uint8Array;
        try {
          truth = toBinary(type, fromBinary(type, bytes), { writeUnknownFields: false });
        } catch {
          return; // refused where it is decoded
        }
        if (hasNoTime(() => codec.decode(truth))) {
          assert.throws(() => codec.decode(read(bytes)), RangeError);
          return;
        }
        assert.deepEqual(codec.decode(read(bytes)), codec.decode(truth));
        const again = codec.encode(withoutInexact(codec.decode(read(bytes))) as never).finish();
        assert.deepEqual(withoutInexact(fromBinary(type, again)), withoutInexact(fromBinary(type, truth)));
      }),
      { numRuns: 2_000 },
    );
    assert.ok(seen.plain > 50 && seen.merged > 50 && seen.ambiguous > 50, JSON.stringify(seen));
  });
}

test('bytes are refused as no message exactly when protobuf-es reads no fields in them', () => {
  const seen = { message: 0, none: 0 };
  fc.assert(
    fc.property(wireBytes(typeOf('Shipment')), (bytes) => {
      const isMessage = scanned(typeOf('Shipment'), bytes) !== undefined;
      seen[isMessage ? 'message' : 'none']++;
      const read = () => fromBinary(EmptySchema, bytes);
      if (isMessage) assert.doesNotThrow(read);
      else assert.throws(read);
    }),
    { numRuns: 2_000 },
  );
  assert.ok(seen.message > 50 && seen.none > 50, JSON.stringify(seen));
});

test('a message of JSON is what is decoded from its encoding, which every codec reads alike and which is canonical', () => {
  for (const name of ['Shipment', 'Shipped', 'Place', 'Crate', 'Assortment']) {
    const type = typeOf(name);
    fc.assert(
      fc.property(wireBytes(type), (bytes) => {
        let json: string;
        try {
          json = toJsonString(type, fromBinary(type, bytes), { registry });
        } catch {
          return; // no message, or one that JSON cannot represent
        }
        const request = jsonCodec(registry).read(type, Buffer.from(json));
        const again = new RequestMessage(type, request.bytes);
        assert.deepEqual(request.message, again.message);
        assert.deepEqual([request.unambiguous, request.canonical, request.hasUnknownFields], [request.bytes, again.canonical, false]);
        const withoutFloats = JSON.stringify(JSON.parse(json, (key, value) => (key === 'small' ? undefined : value)));
        const read = readJson(type, withoutFloats, registry);
        assert.deepEqual(read, fromBinary(type, toBinary(type, read)));
      }),
      { numRuns: 1_000 },
    );
  }
});
