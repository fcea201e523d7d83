// JSON numbers and times reach upstreams, tags and screens exactly, or the request is refused with the field's name.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Shipment, Shipped } from '../fixture/gen/messages/v1/messages.ts';
import { messagesOf, reply } from '../support/upstream/raw-upstream.ts';
import { forms, type Messages, openMessages, send } from './harness.ts';

const [ship, forward, remember] = ['messages.v1.MessageService/Ship', 'messages.v1.MessageService/Forward', 'messages.v1.MessageService/Remember'];
let messages: Messages;
before(async () => {
  messages = await openMessages();
});
after(async () => messages?.[Symbol.asyncDispose]());

const cacheOf = async (big: string) => {
  const { headers } = await messages.wire.ask({ ':path': `/${remember}`, 'content-type': 'application/json' }, `{"big":${big}}`);
  return headers['portico-cache'];
};

test('2^53 + 1 as a number is sent on exactly, and invalidates its own tag and not its neighbour', async () => {
  let sent: readonly Buffer[] = [];
  messages.upstream.answer = async (call) => {
    sent = await messagesOf(call);
    reply(call, { messages: [Buffer.from(Shipped.encode(Shipped.fromPartial({})).finish())] });
  };
  for (const big of ['9007199254740992', '9007199254740993']) assert.deepEqual([await cacheOf(big), await cacheOf(big)], ['miss', 'hit'], big);
  assert.equal((await send(messages.wire, 'json', forward, '{"big":9007199254740993}')).code, 0);
  assert.equal(Shipment.decode(sent[0] ?? Buffer.alloc(0)).big, 9007199254740993n);
  assert.deepEqual([await cacheOf('9007199254740992'), await cacheOf('9007199254740993')], ['hit', 'miss']);
});

test('what a field cannot hold exactly is refused by its name, and no value is quoted', async () => {
  for (const [json, field] of [
    ['{"at":"2024-02-30T00:00:00Z"}', 'at'],
    ['{"number":1e999}', 'number'],
    ['{"big":9007199254740993.5}', 'big'],
    ['{"big":123456789012345.9999}', 'big'],
    ['{"weight":"2147483646.99999999"}', 'weight'],
    ['{"numbers":[1,1e2]}', 'numbers[1]'],
  ] as const) {
    const { reason, text, details } = await send(messages.wire, 'json', ship, json);
    assert.deepEqual([reason, details?.info?.metadata.get('field')], ['CALL_MALFORMED', field], json);
    assert.match(text, new RegExp(`the field ${field.replace(/[[\]]/g, '\\$&')} `));
  }
  for (const [json, reason] of [
    ['{"weight":1,"weight":2}', 'CALL_MALFORMED'],
    [`{"value":${'['.repeat(20_000)}${']'.repeat(20_000)}}`, 'REQUEST_TOO_COMPLEX'],
  ] as const)
    assert.equal((await send(messages.wire, 'json', ship, json)).reason, reason);
});

test('a screen gives back a time as it came, to the nanosecond, before 1970 and at both ends', async () => {
  const mirror = async (at: string) => (await send(messages.wire, 'json', ship, `{"at":"${at}"}`)).body.toString();
  for (const at of [
    '0001-01-01T00:00:00Z',
    '1883-11-18T12:03:58.000000001Z',
    '1969-12-31T23:59:59.500Z',
    '1969-12-31T23:59:59.999999999Z',
    '2024-02-29T12:00:00.123456789Z',
    '9999-12-31T23:59:59.999999999Z',
  ])
    assert.equal(await mirror(at), `{"seen":{"at":"${at}"}}`);
});

test('a screen gives back -0 as it came, in every place that a number has', async () => {
  const request = '{"number":-0,"small":-0,"value":{"a":[0,-0]}}';
  assert.equal((await send(messages.wire, 'json', ship, request)).body.toString(), `{"seen":${request}}`);
});

test("a time that is none is the client's mistake, by every protocol of bytes", async () => {
  const seconds = (varint: readonly number[]) => Buffer.from([98, varint.length + 1, 8, ...varint]);
  const noTimes = [seconds([255, 255, 255, 255, 255, 255, 255, 127]), seconds([128, 128, 128, 128, 128, 128, 128, 128, 128, 1])];
  noTimes.push(seconds([128, 131, 209, 255, 175, 7])); // the year 10000
  noTimes.push(Buffer.from([98, 6, 16, 255, 255, 255, 255, 7]), Buffer.from([98, 11, 16, ...Buffer.alloc(9, 255), 1])); // nanos: 2^31 - 1 and -1
  for (const form of ['grpc', 'grpc-web', 'connect'] as const)
    for (const bytes of noTimes) {
      const { code, reason } = await send(messages.wire, form, ship, bytes);
      assert.deepEqual([code, reason], [3, 'CALL_MALFORMED'], `${form} ${bytes.toString('hex')}`);
    }
});

test('an answer of an internal service keeps its times, and is garbage where one is no time', async () => {
  const answered = async (hex: string) => {
    messages.upstream.answer = (call) => reply(call, { messages: [Buffer.from(hex, 'hex')] });
    return send(messages.wire, 'json', 'messages.v1.MessageService/Ask', '{}');
  };
  assert.equal((await answered('0a0462021001')).body.toString(), '{"seen":{"at":"1970-01-01T00:00:00.000000001Z"}}');
  assert.equal((await answered('0a0d620b10ffffffffffffffffff01')).reason, 'UPSTREAM_GARBAGE');
  assert.equal((await answered('0a096207088083d1ffaf07')).reason, 'UPSTREAM_GARBAGE', 'the year 10000');
});

test('a screen that makes a Date which is no time fails by every protocol alike', async () => {
  for (const at of [new Date(Number.NaN), new Date(253_402_300_800_000)]) {
    messages.onShip = () => ({ seen: Shipment.fromPartial({ at }) });
    for (const form of forms) assert.equal((await send(messages.wire, form, ship, form === 'json' ? '{}' : '')).reason, 'INTERNAL', form);
  }
  messages.onShip = (request) => ({ seen: request });
});
