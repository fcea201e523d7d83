// Whatever stands in a request, an internal service's status or a screen's Fault, the client gets a status that it can read, and nobody else notices.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { Fault } from '../../src/core/kit/fault.ts';
import { UpstreamError } from '../../src/core/screen/upstream-errors.ts';
import { trailersOnly } from '../support/upstream/raw-upstream.ts';
import { type Came, defectsOf, type Form, forms, type Messages, openMessages, send } from './harness.ts';

const [ship, ask, forward] = ['messages.v1.MessageService/Ship', 'messages.v1.MessageService/Ask', 'messages.v1.MessageService/Forward'];
let messages: Messages;
before(async () => {
  messages = await openMessages();
});
after(async () => messages?.[Symbol.asyncDispose]());

/** A run of one property is one call by each protocol, so that the connection is the same for all: who ends it ends the test. */
const runs = { numRuns: 60 };

/** Any code units, with what is likely to be cut or coded wrongly more often than chance would have it. */
const text = fc
  .array(
    fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('\ud83d', '\ude00', '\0', '%', '%zz', '%ff', '\r\n', '"', 'k'.repeat(199), '😀'.repeat(70), 'ü'.repeat(120)),
    ),
    { maxLength: 6 },
  )
  .map((parts) => parts.join(''));
const mebibyte = ['k'.repeat(1_000_000), '😀'.repeat(250_000), '\ud83d'.repeat(300_000), '\0'.repeat(1_000_000)];

/** A length-delimited field of protobuf. */
function field(number: number, bytes: Uint8Array): Buffer {
  const length: number[] = [];
  for (let rest = bytes.length; ; rest = Math.floor(rest / 128)) {
    length.push(rest < 128 ? rest : (rest % 128) + 128);
    if (rest < 128) break;
  }
  return Buffer.concat([Buffer.from([number * 8 + 2, ...length]), bytes]);
}
/** A Shipment whose note under this key breaks its rule. */
const noteUnder = (key: Uint8Array) => field(2, Buffer.concat([field(1, key), field(2, Buffer.from('toolong'))]));

/** @throws AssertionError when a refusal could not be read by a client, or is too large for its headers */
function assertReadable({ code, text, details, headerBytes }: Came, form: Form): void {
  assert.notEqual(code, 0, form);
  assert.ok(text.isWellFormed(), `${form}: ${text}`);
  assert.ok(headerBytes < 16_384, `${form}: ${headerBytes} bytes of headers`);
  const texts = [...[...(details?.info?.metadata ?? [])].flat(), ...(details?.badRequest?.fieldViolations ?? []).map(({ field }) => field)];
  assert.ok(texts.every((one) => one.isWellFormed()));
}

async function refusedByAll(method: string, body: (form: Form) => Uint8Array | string, check: (came: Came, form: Form) => void): Promise<void> {
  const all = await Promise.all(forms.map((form) => send(messages.wire, form, method, body(form))));
  for (const [i, came] of all.entries()) {
    const form = forms[i] as Form;
    assertReadable(came, form);
    check(came, form);
  }
}

test('a violation names the key of a map, whatever text it is', async () => {
  const check = async (key: string) => {
    const bodies = { binary: noteUnder(Buffer.from(key)), json: Buffer.from(JSON.stringify({ notes: { [key]: 'toolong' } })) };
    await refusedByAll(
      ship,
      (form) => bodies[form === 'json' ? 'json' : 'binary'],
      (came, form) => {
        if (form === 'json' && bodies.json.length > 1_048_576) assert.equal(came.reason, 'REQUEST_TOO_LARGE');
        else if (form === 'json' && !key.isWellFormed()) assert.equal(came.reason, 'CALL_MALFORMED');
        else assert.deepEqual([came.code, came.reason], [3, 'REQUEST_INVALID'], form);
      },
    );
  };
  await check(`${'k'.repeat(188)}😀😀😀😀😀😀😀`);
  await fc.assert(fc.asyncProperty(text, check), runs);
  for (const key of mebibyte) await check(key);
});

test('a key that is no UTF-8 is refused, and its bytes are no text of the answer', async () => {
  const bytes = fc.uint8Array({ maxLength: 300 });
  const check = async (key: Uint8Array) => {
    for (const form of ['grpc', 'grpc-web', 'connect'] as const) {
      const came = await send(messages.wire, form, ship, noteUnder(key));
      assertReadable(came, form);
      assert.ok(came.reason === 'REQUEST_INVALID' || came.reason === 'CALL_MALFORMED', came.reason);
    }
  };
  await check(Buffer.from([0xed, 0xa0, 0xbd])); // a surrogate, coded as if it were a character
  await fc.assert(fc.asyncProperty(bytes, check), runs);
});

test('a Fault of a screen may have any texts', async () => {
  const check = async (given: string, key: string) => {
    messages.onShip = () => {
      throw new Fault<string>(key === 'reason' ? given : 'REQUEST_INVALID', given, {
        metadata: { [key]: given, value: given },
        violations: [{ field: given, rule: given, description: given }],
      });
    };
    await refusedByAll(
      ship,
      (form) => (form === 'json' ? '{}' : ''),
      () => {},
    );
  };
  await fc.assert(fc.asyncProperty(text, fc.oneof(text, fc.constantFrom('__proto__', 'constructor', 'reason')), check), runs);
  for (const given of mebibyte) await check(given, given);
});

test('a reason that no list has is INTERNAL in every protocol, whatever its name', async () => {
  for (const reason of ['constructor', '__proto__', 'toString', 'valueOf', '', 'a b']) {
    messages.onShip = () => {
      throw new Fault<string>(reason, 'Of no list.');
    };
    await refusedByAll(
      ship,
      (form) => (form === 'json' ? '{}' : ''),
      ({ code, text }, form) => assert.deepEqual([code, text], [13, 'Of no list.'], `${form} ${reason}`),
    );
  }
});

test('so may an error of an internal service that a screen passes on, and a defect', async () => {
  const check = async (given: string) => {
    for (const error of [new UpstreamError(5, given, new Fault('UPSTREAM_FAILED', given)), new Error(given), given]) {
      messages.onShip = () => {
        throw error;
      };
      await refusedByAll(
        ship,
        (form) => (form === 'json' ? '{}' : ''),
        () => {},
      );
    }
  };
  await fc.assert(fc.asyncProperty(text, check), { numRuns: 20 });
});

test('the text of an internal service may be any bytes that a header can carry', async () => {
  const headerText = fc
    .array(fc.oneof(fc.constantFrom('%', '%ff', '%ed%a0%bd', '%F0%9F', '%00', '%zz', '%2F', ' '), fc.string({ unit: 'grapheme-ascii' })), {
      maxLength: 30,
    })
    .map((parts) => parts.join(''));
  const check = async (coded: string) => {
    messages.upstream.answer = (call) => trailersOnly(call, { 'grpc-status': '9', 'grpc-message': coded });
    for (const method of [ask, forward])
      await refusedByAll(
        method,
        (form) => (form === 'json' ? '{}' : ''),
        () => {},
      );
  };
  await fc.assert(fc.asyncProperty(headerText, check), runs);
  await check('%F0%9F%98%80'.repeat(1_000));
  await check('%ff'.repeat(4_000));
});

test('none of this was a defect of the server, which still answers', async () => {
  messages.onShip = (request) => ({ seen: request });
  assert.equal((await send(messages.wire, 'json', ship, '{"label":"still here"}')).body.toString(), '{"seen":{"label":"still here"}}');
  assert.equal(await defectsOf(messages.server), 0);
});
