// Everything that leaves has a size: status, text, details and metadata together stay within one budget, whoever wrote
// them, and the code always arrives.
import assert from 'node:assert/strict';
import type { IncomingHttpHeaders } from 'node:http';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { Metadata } from 'nice-grpc-common';
import type { Handler } from '../../src/core/ports/call.ts';
import { BadRequest, ErrorInfo } from '../../src/gen/google/rpc/error_details.ts';
import { Status } from '../../src/gen/google/rpc/status.ts';
import { openFixture } from '../fixture/app.ts';
import { assertWellFormed, type Reply } from '../fuzz/well-formed.ts';
import { registryOf, signIn } from '../support/client/protocols.ts';
import { openWire, type Wire } from '../support/client/wire.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../support/server/test-server.ts';
import { framed, openRawUpstream, type RawUpstream, reply, trailersOnly } from '../support/upstream/raw-upstream.ts';

const budget = 8_192;
let server: TestServer;
let upstream: RawUpstream;
let wire: Wire;
let signed: { readonly authorization: string };
/** The metadata that a handler of the company gives its answer. */
let own = { metadata: Metadata(), trailers: Metadata() };
const ownAnswer: Handler = () => ({ ...own, body: Buffer.alloc(0) });
const ownStream: Handler = () => ({
  ...own,
  body: (sink) => {
    sink.write(Buffer.alloc(0));
    sink.end();
  },
});
before(async () => {
  upstream = await openRawUpstream();
  const { app } = openFixture();
  const isOwn = ({ method }: { readonly method: string }) => !/\/(Echo|Follow)$/.test(method);
  server = await openTestServer({
    app: { ...app, screens: app.screens.filter(isOwn) },
    samples: { scripted: upstream.address },
    handlers: { 'fixture.v1.ScreenService/Echo': ownAnswer, 'fixture.v1.HandWrittenService/Follow': ownStream },
  });
  wire = await openWire(server);
  signed = (await signIn(server, registryOf(fixtureRelease.descriptorSet), 'alice')).headers;
});
after(async () => {
  await wire?.[Symbol.asyncDispose]();
  await server?.close();
  await upstream?.close();
});

const empty = framed(Buffer.alloc(0));
const unaryForms = [
  ['grpc', 'application/grpc', empty],
  ['grpc-web', 'application/grpc-web+proto', empty],
  ['grpc-web-text', 'application/grpc-web-text', Buffer.from(empty.toString('base64'))],
  ['connect-unary', 'application/proto', Buffer.alloc(0)],
  ['connect-unary', 'application/json', Buffer.from('{}')],
] as const;
const streamForms = [
  ...unaryForms.slice(0, 3),
  ['connect-stream', 'application/connect+proto', empty],
  ['connect-stream', 'application/connect+json', framed(Buffer.from('{}'))],
] as const;
const stream = (path: string) => /ServerStream|Follow/.test(path);

/** Bytes of a header list as HTTP/2 counts them (RFC 9113, section 6.5.2). */
const listBytes = (headers: IncomingHttpHeaders) =>
  Object.entries(headers).reduce((sum, [key, value]) => sum + [value].flat().reduce((all, one) => all + key.length + String(one).length + 32, 0), 0);

/** All that a client gets besides messages; the text form of gRPC-Web is counted as what it encodes. */
const sizeOf = ({ headers, trailers, body }: Reply) => {
  const isText = String(headers['content-type']).startsWith('application/grpc-web-text');
  return listBytes(headers) + listBytes(trailers) + (isText ? Math.floor((body.length * 3) / 4) : body.length);
};

/** Calls a method by each protocol that carries it. */
async function byAll(
  path: string,
  check: (code: number, received: Reply, form: string) => void,
  headers: Record<string, string> = {},
): Promise<void> {
  for (const [form, contentType, body] of stream(path) ? streamForms : unaryForms) {
    const received = await wire.ask({ ':path': path, 'content-type': contentType, te: 'trailers', ...signed, ...headers }, body);
    assert.ok(sizeOf(received) <= budget, `${form} ${contentType}: ${sizeOf(received)} bytes`);
    check(assertWellFormed(form, received, true), received, contentType);
  }
}

const forward = '/fixture.v1.ForwardService/';
const texts = fc
  .tuple(fc.constantFrom('x', '^', '%', '"', '\u0001', 'ü', '😀', ' a\\'), fc.oneof(fc.nat(100), fc.nat(4_000)))
  .map(([piece, times]) => piece.repeat(times));
const details = fc.array(fc.record({ kind: fc.constantFrom('ErrorInfo', 'BadRequest', 'other'), bytes: fc.oneof(fc.nat(100), fc.nat(6_000)) }), {
  maxLength: 4,
});
const values = fc.dictionary(
  fc.constantFrom('x-fixture-header', 'x-fixture-bin', 'x-fixture-trailer', 'x-fixture-trailer-bin', 'x-first', 'x-last', 'x-unnamed'),
  fc.oneof(fc.nat(100), fc.nat(5_000)),
);
const codes = fc.integer({ min: 1, max: 16 });

function detail({ kind, bytes }: { readonly kind: string; readonly bytes: number }) {
  const any = (type: string, value: Uint8Array) => ({ typeUrl: `type.googleapis.com/${type}`, value: Buffer.from(value) });
  if (kind === 'ErrorInfo')
    return any('google.rpc.ErrorInfo', ErrorInfo.encode({ reason: 'R', domain: 'd', metadata: new Map([['text', 'x'.repeat(bytes)]]) }).finish());
  if (kind === 'BadRequest')
    return any(
      'google.rpc.BadRequest',
      BadRequest.encode({ fieldViolations: [{ field: 'x'.repeat(bytes), description: '', reason: '', localizedMessage: undefined }] }).finish(),
    );
  return any('example.Unknown', Buffer.alloc(bytes, 1));
}
const headersOf = (sizes: Readonly<Record<string, number>>) =>
  Object.fromEntries(
    Object.entries(sizes).map(([key, size]) => [key, key.endsWith('-bin') ? Buffer.alloc(size, 7).toString('base64') : 'v'.repeat(size)]),
  );

test('an internal service may give a status any sizes: the sum stays within the budget, and the code arrives', async () => {
  await fc.assert(
    fc.asyncProperty(codes, texts, details, values, values, fc.boolean(), async (code, text, given, initial, trailing, only) => {
      const status = Status.encode({ code, message: text, details: given.map(detail) }).finish();
      const trailers = {
        'grpc-status': String(code),
        'grpc-message': encodeURIComponent(text),
        ...(given.length > 0 && { 'grpc-status-details-bin': Buffer.from(status).toString('base64') }),
        ...headersOf(trailing),
      };
      upstream.answer = (call) => (only ? trailersOnly(call, trailers) : reply(call, { headers: headersOf(initial), trailers }));
      const total = JSON.stringify(trailers).length;
      const check = (came: number, _: Reply, form: string) => {
        if (total < 60_000)
          assert.equal(came, code, form); // a longer block ends the call to the service
        else assert.notEqual(came, 0, form);
      };
      for (const method of ['Unary', 'ServerStream']) await byAll(forward + method, check);
    }),
    { numRuns: 40 },
  );
});

test('what was sent before an error counts: no sizes of initial metadata and details go past the budget together', async () => {
  for (let sent = 0; sent <= 7_000; sent += 350) {
    // In base64, and as JSON beside it in the errors of Connect: sizes around what just fits.
    const fits = Math.max(0, Math.floor((budget - 700 - sent) / (4 / 3 + 1)));
    for (const off of [-350, -250, -150, -50, 50, 250]) {
      const details = [detail({ kind: 'ErrorInfo', bytes: Math.max(0, fits + off) })];
      const status = Status.encode({ code: 1, message: '', details }).finish();
      upstream.answer = (call) =>
        reply(call, {
          headers: { 'x-fixture-header': 'v'.repeat(sent) },
          trailers: { 'grpc-status': '1', 'grpc-status-details-bin': Buffer.from(status).toString('base64') },
        });
      await byAll(`${forward}ServerStream`, (code, _, form) => assert.equal(code, 1, `${form} ${sent} ${off}`));
    }
  }
});

test('an internal service may give a good answer any metadata: what fits is passed on', async () => {
  await fc.assert(
    fc.asyncProperty(values, values, async (initial, trailing) => {
      upstream.answer = (call) => reply(call, { headers: headersOf(initial), messages: [Buffer.alloc(0)], trailers: headersOf(trailing) });
      for (const method of ['Unary', 'ServerStream']) await byAll(forward + method, (code, _, form) => assert.equal(code, 0, form));
    }),
    { numRuns: 40 },
  );
});

const reasonOf = ({ headers, trailers, body }: Reply) => {
  const all = `${JSON.stringify(headers)} ${JSON.stringify(trailers)} ${body.toString('latin1')}`;
  const encoded = /grpc-status-details-bin"?:\s?"?([\w+/]+)/.exec(all)?.[1] ?? /"value":\s*"([\w+/]+)/.exec(all)?.[1];
  return Buffer.from(encoded ?? '', 'base64')
    .toString('latin1')
    .match(/[A-Z]+(?:_[A-Z]+)+/)?.[0];
};

test("a handler's own metadata that does not fit is an error by its name, in either form and at either end", async () => {
  const echo = '/fixture.v1.ScreenService/Echo';
  const follow = '/fixture.v1.HandWrittenService/Follow';
  for (const where of ['metadata', 'trailers'] as const) {
    own = { metadata: Metadata(), trailers: Metadata() };
    own[where].set('x-own', 'v'.repeat(6_000));
    for (const path of [echo, follow]) await byAll(path, (code, _, form) => assert.equal(code, 0, form));
    own[where].set('x-more', 'v'.repeat(6_000));
    for (const path of [echo, follow])
      await byAll(path, (code, received, form) => {
        assert.equal(code, 13, `${form} ${where}`);
        if (!form.includes('text')) assert.equal(reasonOf(received), 'METADATA_TOO_LARGE', `${form} ${path} ${where}`);
      });
  }
});

const refusedHeaders: readonly (readonly [what: string, headers: Record<string, string>])[] = [
  ['a key with "_"', { [`a_${'^'.repeat(12_000)}`]: 'v' }],
  ['a value that is too long', { [`${'^'.repeat(6_000)}`]: 'v'.repeat(5_000) }],
  ['a value that is no ASCII', { [`${'^'.repeat(9_000)}`]: '\u00e9' }],
  ['a value that is no base64', { [`${'^'.repeat(9_000)}-bin`]: '%' }],
];
for (const [what, headers] of refusedHeaders)
  test(`${what}, of thousands of bytes, is one INVALID_ARGUMENT, and harms no other call of the connection`, async () => {
    upstream.answer = (call) => reply(call, { messages: [Buffer.alloc(0)] });
    const { session } = wire;
    await byAll(`${forward}Unary`, (code, _, form) => assert.equal(code, 3, form), headers);
    await byAll(`${forward}ServerStream`, (code, _, form) => assert.equal(code, 3, form), headers);
    await byAll(`${forward}Unary`, (code, _, form) => assert.equal(code, 0, form));
    assert.equal(session.closed, false);
  });

test('a path of thousands of bytes is one UNIMPLEMENTED', async () => {
  for (const path of [`/a/${'^'.repeat(12_000)}`, `/${'%'.repeat(12_000)}`])
    for (const [form, contentType, body] of [...unaryForms, ...streamForms]) {
      const received = await wire.ask({ ':path': path, 'content-type': contentType, te: 'trailers' }, body);
      assert.ok(sizeOf(received) <= budget);
      if (form !== 'connect-unary' && form !== 'connect-stream') assert.equal(assertWellFormed(form, received, true), 12);
    }
});

test("an internal service's text of 72 KB is one error with a code, and harms no other call", async () => {
  upstream.answer = (call) => trailersOnly(call, { 'grpc-status': '5', 'grpc-message': 'x'.repeat(72_000) });
  for (const method of ['Unary', 'ServerStream']) await byAll(forward + method, (code, _, form) => assert.notEqual(code, 0, form));
  upstream.answer = (call) => trailersOnly(call, { 'grpc-status': '5', 'grpc-message': '%F0%9F%98%80'.repeat(4_000) });
  for (const method of ['Unary', 'ServerStream']) await byAll(forward + method, (code, _, form) => assert.equal(code, 5, form));
  upstream.answer = (call) => reply(call, { messages: [Buffer.alloc(0)] });
  await byAll(`${forward}Unary`, (code, _, form) => assert.equal(code, 0, form));
});
