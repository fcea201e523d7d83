// Requests whose frames, flags, encodings, verbs and content types are wrong: by every protocol, each refused with its reason.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { deflateSync, gzipSync } from 'node:zlib';
import { decodeBinaryHeader } from '@connectrpc/connect';
import { Status } from '../../src/gen/google/rpc/status.ts';
import { openFixture } from '../fixture/app.ts';
import { openScriptedUpstream, type ScriptedUpstream } from '../fixture/scripted-upstream.ts';
import { decodeDetails } from '../support/client/conformance.ts';
import { registryOf, signIn } from '../support/client/protocols.ts';
import { openWire, type Reply, type Wire } from '../support/client/wire.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../support/server/test-server.ts';
import { framed } from '../support/upstream/raw-upstream.ts';

const hello = Buffer.from([0x0a, 0x01, 0x61]);
const flagged = (flags: number, bytes: Uint8Array) => Buffer.concat([Buffer.from([flags]), framed(bytes).subarray(1)]);

let server: TestServer;
let scripted: ScriptedUpstream;
let wire: Wire;
let signed: { readonly authorization: string };
before(async () => {
  scripted = await openScriptedUpstream();
  server = await openTestServer({ app: openFixture().app, samples: { scripted: scripted.address } });
  signed = (await signIn(server, registryOf(fixtureRelease.descriptorSet), 'alice')).headers;
  wire = await openWire(server);
});
after(async () => {
  await wire?.[Symbol.asyncDispose]();
  await server?.close();
  scripted?.close();
});

type Said = { readonly code: string; readonly reason: string | undefined };

/** The status of a reply in any protocol's form, by its name in Connect or its number in gRPC. */
function saidBy({ headers, trailers, body }: Reply): Said {
  const text = body.toString('latin1');
  const json = /\{.*"code":"(\w+)".*\}/s.exec(text);
  if (json !== null) {
    const details = [...text.matchAll(/"type":"([\w.]+)","value":"([\w+/]*)"/g)].map(([, type = '', value = '']) => ({
      type,
      value: Buffer.from(value, 'base64'),
    }));
    return { code: json[1] ?? '', reason: decodeDetails(details).info?.reason };
  }
  const line = (key: string) => new RegExp(`${key}: (.*?)\\r\\n`).exec(text)?.[1];
  const at = (key: string) => String(trailers[key] ?? headers[key] ?? line(key) ?? '');
  const bytes = at('grpc-status-details-bin');
  if (bytes === '') return { code: at('grpc-status'), reason: undefined };
  assert.doesNotMatch(bytes, /=/, 'details are padded');
  const { details } = Status.decode(decodeBinaryHeader(bytes));
  const decoded = decodeDetails(details.map(({ typeUrl, value }) => ({ type: typeUrl.slice(typeUrl.lastIndexOf('/') + 1), value })));
  return { code: at('grpc-status'), reason: decoded.info?.reason };
}

const forms = [
  ['gRPC', { 'content-type': 'application/grpc', te: 'trailers' }, 'grpc-encoding', { 3: '3', 12: '12', 13: '13' }],
  ['gRPC-Web', { 'content-type': 'application/grpc-web+proto' }, 'grpc-encoding', { 3: '3', 12: '12', 13: '13' }],
  [
    'Connect',
    { 'content-type': 'application/connect+proto' },
    'connect-content-encoding',
    { 3: 'invalid_argument', 12: 'unimplemented', 13: 'internal' },
  ],
] as const;

for (const [name, headers, encoding, code] of forms) {
  const ask = (kind: string, body: Uint8Array, extra: Readonly<Record<string, string>> = {}) =>
    wire.ask({ ':path': `/fixture.v1.ForwardService/${kind}`, ...signed, ...headers, ...extra }, body);
  const rows: readonly (readonly [what: string, body: Buffer, extra: Readonly<Record<string, string>>, code: string, reason: string])[] = [
    ['a message that is cut', framed(hello).subarray(0, 7), {}, code[3], 'CALL_MALFORMED'],
    ['a whole message and one that is cut', Buffer.concat([framed(hello), framed(hello).subarray(0, 7)]), {}, code[3], 'CALL_MALFORMED'],
    ['a whole message and a head that is cut', Buffer.concat([framed(hello), Buffer.from([0, 0, 0])]), {}, code[3], 'CALL_MALFORMED'],
    ['flag 1 without an encoding', flagged(1, hello), {}, code[13], 'ENCODING_MISSING'],
    ['flag 1 with the encoding identity', flagged(1, hello), { [encoding]: 'identity' }, code[13], 'ENCODING_MISSING'],
    ['flag 3', flagged(3, hello), {}, code[3], 'CALL_MALFORMED'],
    ['flag 128', flagged(128, hello), {}, code[3], 'CALL_MALFORMED'],
    ['an unknown encoding', framed(hello), { [encoding]: 'br' }, code[12], 'ENCODING_UNKNOWN'],
    ['gzip that is cut', flagged(1, gzipSync(hello).subarray(0, -4)), { [encoding]: 'gzip' }, code[3], 'CALL_MALFORMED'],
    [
      'gzip with bytes after it',
      flagged(1, Buffer.concat([gzipSync(hello), Buffer.from('more')])),
      { [encoding]: 'gzip' },
      code[3],
      'CALL_MALFORMED',
    ],
    [
      'deflate with bytes after it',
      flagged(1, Buffer.concat([deflateSync(hello), Buffer.alloc(4)])),
      { [encoding]: 'deflate' },
      code[3],
      'CALL_MALFORMED',
    ],
    ['no bytes, marked as compressed', flagged(1, Buffer.alloc(0)), { [encoding]: 'gzip' }, code[3], 'CALL_MALFORMED'],
    ['bytes that are no gzip', flagged(1, hello), { [encoding]: 'gzip' }, code[3], 'CALL_MALFORMED'],
  ];
  for (const [what, body, extra, expected, reason] of rows) {
    test(`${name}: ${what} is refused on a client stream`, async () => {
      assert.deepEqual(saidBy(await ask('ClientStream', body, extra)), { code: expected, reason });
    });
    test(`${name}: ${what} is refused on a server stream`, async () => {
      const said = saidBy(await ask('ServerStream', body, extra));
      const several = what.startsWith('a whole message');
      assert.deepEqual(said, several ? { code: code[12], reason: 'REQUEST_NOT_ONE' } : { code: expected, reason });
    });
  }
}

test('gRPC: other verbs than POST, and other forms than protobuf, are refused by name', async () => {
  const of = { ':path': '/fixture.v1.ScreenService/Echo', te: 'trailers' };
  for (const verb of ['PUT', 'DELETE']) {
    const reply = await wire.ask({ ...of, ':method': verb, 'content-type': 'application/grpc' }, framed(hello));
    assert.deepEqual([reply.headers[':status'], saidBy(reply).reason], [405, 'VERB_WRONG'], verb);
  }
  for (const type of ['application/grpc+json', 'application/grpc+foo']) {
    const reply = await wire.ask({ ...of, 'content-type': type }, framed(Buffer.from('{}')));
    assert.deepEqual([reply.headers[':status'], saidBy(reply).reason], [415, 'CONTENT_TYPE_UNKNOWN'], type);
  }
});

test('gRPC: a success has no text', async () => {
  const { trailers } = await wire.ask(
    { ':path': '/fixture.v1.ScreenService/Echo', te: 'trailers', 'content-type': 'application/grpc' },
    framed(hello),
  );
  assert.deepEqual([trailers['grpc-status'], trailers['grpc-message']], ['0', undefined]);
});

test('gRPC-Web as text: base64 both ways, in pieces of any length', async () => {
  const of = { ':path': '/fixture.v1.ScreenService/Echo', 'content-type': 'application/grpc-web-text' };
  const message = framed(hello);
  for (const body of [message.toString('base64'), message.subarray(0, 4).toString('base64') + message.subarray(4).toString('base64')]) {
    const reply = await wire.ask(of, body);
    assert.match(String(reply.headers['content-type']), /^application\/grpc-web-text/);
    const decoded = Buffer.concat((reply.body.toString().match(/[^=]+=*/g) ?? []).map((part) => Buffer.from(part, 'base64')));
    assert.deepEqual(decoded.subarray(0, message.length), message);
    assert.match(decoded.toString('latin1'), /grpc-status: 0\r\n/);
  }
  assert.equal(saidBy(await wire.ask(of, '!!!!')).reason, 'CALL_MALFORMED');
});

test('binary metadata is read alike by every protocol: lists, with padding or without, and what is no base64 is refused', async () => {
  const path = '/fixture.v1.ScreenService/Echo';
  const ways = [
    [{ 'content-type': 'application/grpc', te: 'trailers' }, framed(hello)],
    [{ 'content-type': 'application/grpc-web+proto' }, framed(hello)],
    [{ 'content-type': 'application/proto' }, hello],
    [{ 'content-type': 'application/json' }, Buffer.from('{}')],
  ] as const;
  for (const [headers, body] of ways) {
    const type = headers['content-type'];
    for (const value of ['YQ==, Yg==', 'YQ,Yg', '']) {
      const reply = await wire.ask({ ':path': path, ...headers, 'x-shop-bin': value }, body);
      assert.deepEqual([reply.headers[':status'], saidBy(reply).reason], [200, undefined], `${type} ${value}`);
    }
    assert.equal(saidBy(await wire.ask({ ':path': path, ...headers, 'x-shop-bin': 'Y!' }, body)).reason, 'CALL_MALFORMED', type);
  }
});
