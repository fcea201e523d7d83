// What is compressed, by every protocol: where the client accepts it and it pays; and the etags of both codings.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { create, toBinary, toJsonString } from '@bufbuild/protobuf';
import { openFixture } from '../fixture/app.ts';
import { openScriptedUpstream, type ScriptedUpstream } from '../fixture/scripted-upstream.ts';
import { registryOf, signIn } from '../support/client/protocols.ts';
import { openWire, type Reply, type Wire } from '../support/client/wire.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../support/server/test-server.ts';
import { framed } from '../support/upstream/raw-upstream.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
const service = '/fixture.v1.ScreenService';
const long = 'long '.repeat(600);
/** More than may be compressed while all others wait. */
const huge = 'huge '.repeat(100_000);
let server: TestServer;
let scripted: ScriptedUpstream;
let wire: Wire;
let signed: { readonly authorization: string };
before(async () => {
  scripted = await openScriptedUpstream();
  const { app, titles } = openFixture();
  titles.set('long', long);
  titles.set('short', 'short');
  titles.set('huge', huge);
  server = await openTestServer({ app, samples: { scripted: scripted.address } });
  signed = (await signIn(server, registry, 'alice')).headers;
  wire = await openWire(server);
});
after(async () => {
  await wire?.[Symbol.asyncDispose]();
  await server?.close();
  scripted?.close();
});

/** A request message in a form. */
function encoded(name: string, json: Readonly<Record<string, unknown>>, form: 'json' | 'proto'): Buffer {
  const type = registry.getMessage(`fixture.v1.${name}`);
  assert.ok(type);
  const message = create(type, json);
  return form === 'proto' ? Buffer.from(toBinary(type, message)) : Buffer.from(toJsonString(type, message));
}

/** The frames of a body: flags, and the message decompressed. */
function framesOf(body: Buffer): { readonly flags: number; readonly text: string }[] {
  const found: { flags: number; text: string }[] = [];
  for (let at = 0; at < body.length; ) {
    const end = at + 5 + body.readUInt32BE(at + 1);
    const bytes = body.subarray(at + 5, end);
    found.push({ flags: body[at] ?? 0, text: ((body[at] ?? 0) & 1 ? gunzipSync(bytes) : bytes).toString('latin1') });
    at = end;
  }
  return found;
}

const framedForms = [
  ['application/grpc', 'grpc-accept-encoding', 'grpc-encoding', 'proto'],
  ['application/grpc-web+proto', 'grpc-accept-encoding', 'grpc-encoding', 'proto'],
  ['application/grpc-web+json', 'grpc-accept-encoding', 'grpc-encoding', 'json'],
] as const;
for (const [contentType, accept, encoding, form] of framedForms) {
  const ask = (itemId: string, accepted?: string): Promise<Reply> =>
    wire.ask(
      { ':path': `${service}/GetItem`, 'content-type': contentType, te: 'trailers', ...signed, ...(accepted && { [accept]: accepted }) },
      framed(encoded('GetItemRequest', { itemId }, form)),
    );

  test(`${contentType}: a cached answer is compressed where the client accepts it and it pays`, async () => {
    await ask('long');
    const compressed = await ask('long', 'identity, deflate, gzip');
    assert.equal(compressed.headers['portico-cache'], 'hit');
    assert.equal(compressed.headers[encoding], 'gzip');
    const [message] = framesOf(compressed.body);
    assert.equal(message?.flags, 1);
    assert.ok(message?.text.includes(long));
    assert.ok(compressed.body.length < 700, `${compressed.body.length} bytes`);
    for (const accepted of [undefined, 'identity', 'deflate', 'gzip;q=0']) {
      const plain = await ask('long', accepted);
      assert.deepEqual([plain.headers[encoding], framesOf(plain.body)[0]?.flags], [undefined, 0], accepted);
      assert.ok(framesOf(plain.body)[0]?.text.includes(long));
    }
    await ask('short');
    assert.equal(framesOf((await ask('short', 'gzip')).body)[0]?.flags, 0);
  });
}

for (const [contentType, accept, form] of [
  ['application/grpc-web+proto', 'grpc-accept-encoding', 'proto'],
  ['application/connect+json', 'connect-accept-encoding', 'json'],
  ['application/connect+proto', 'connect-accept-encoding', 'proto'],
] as const) {
  test(`${contentType}: long messages of a stream are compressed, short ones are not`, async () => {
    for (const [text, flags] of [
      [long, 1],
      ['short', 0],
    ] as const) {
      const body = framed(encoded('ScriptedRequest', { text, count: 2 }, form));
      const { body: answer } = await wire.ask(
        { ':path': '/fixture.v1.ForwardService/ServerStream', 'content-type': contentType, [accept]: 'gzip', ...signed },
        body,
      );
      const messages = framesOf(answer).slice(0, 2);
      assert.deepEqual(
        messages.map((message) => [message.flags, message.text.includes(text)]),
        [
          [flags, true],
          [flags, true],
        ],
      );
    }
  });
}

for (const form of ['json', 'proto'] as const) {
  const get = (itemId: string, headers: Readonly<Record<string, string>> = {}) => {
    const message = encoded('GetItemRequest', { itemId }, form).toString('base64url');
    return wire.ask({
      ':method': 'GET',
      ':path': `${service}/GetItem?connect=v1&encoding=${form}&base64=1&message=${message}`,
      ...signed,
      ...headers,
    });
  };

  test(`GET as ${form}: each coding has its own etag, and a 304 is for the coding that the client accepts`, async () => {
    const [plain, compressed] = [await get('long'), await get('long', { 'accept-encoding': 'gzip' })];
    const [etag, gzipEtag] = [String(plain.headers.etag), String(compressed.headers.etag)];
    assert.equal(compressed.headers['content-encoding'], 'gzip');
    assert.notEqual(etag, gzipEtag);
    const statusOf = async (known: string, accepted?: string) => {
      const { headers } = await get('long', { 'if-none-match': known, ...(accepted && { 'accept-encoding': accepted }) });
      assert.match(String(headers.vary), /accept-encoding/);
      return `${headers[':status']} ${headers.etag === gzipEtag ? 'gzip' : headers.etag === etag ? 'plain' : headers.etag}`;
    };
    assert.equal(await statusOf(etag), '304 plain');
    assert.equal(await statusOf(gzipEtag, 'gzip'), '304 gzip');
    assert.equal(await statusOf(`${etag}, ${gzipEtag}`, 'gzip'), '304 gzip');
    assert.equal(await statusOf(`${etag}, ${gzipEtag}`), '304 plain');
    assert.equal(await statusOf(gzipEtag), '200 plain'); // the client has a coding that it does not accept now
    assert.equal(await statusOf('"other"', 'gzip'), '200 gzip');
  });

  test(`GET as ${form}: identity;q=0 compresses even a short answer, and without gzip it is answered as it is`, async () => {
    const short = await get('short', { 'accept-encoding': 'gzip, identity;q=0' });
    assert.equal(short.headers['content-encoding'], 'gzip');
    assert.ok(gunzipSync(short.body).toString('latin1').includes('short'));
    assert.equal((await get('short', { 'accept-encoding': 'gzip' })).headers['content-encoding'], undefined);
    const unacceptable = await get('short', { 'accept-encoding': 'identity;q=0' });
    assert.deepEqual(
      [unacceptable.headers[':status'], unacceptable.headers['content-encoding']],
      ['200', undefined].map((one) => one && Number(one)),
    );
  });
}

test('POST: a compressed answer says what it depends on, and its etag comes back as it was given', async () => {
  const post = (headers: Readonly<Record<string, string>> = {}) =>
    wire.ask(
      { ':path': `${service}/GetItem`, 'content-type': 'application/json', 'accept-encoding': 'gzip', ...signed, ...headers },
      '{"itemId":"long"}',
    );
  const { headers } = await post();
  assert.match(String(headers.vary), /accept-encoding/);
  assert.match(String(headers.etag), /-gzip"$/);
  const again = await post({ 'if-none-match': String(headers.etag) });
  assert.deepEqual([again.headers['portico-not-modified'], again.headers.etag], ['1', headers.etag]);
});

test('a large answer for a client that accepts nothing but gzip is stored in it, by every protocol', async () => {
  const gzipOnly = 'gzip, identity;q=0';
  for (const [contentType, accept, form] of [
    ['application/json', 'accept-encoding', 'json'],
    ['application/proto', 'accept-encoding', 'proto'],
    ...framedForms.map(([type, header, , of]) => [type, header, of] as const),
  ] as const) {
    const request = encoded('GetItemRequest', { itemId: 'huge' }, form);
    const isFramed = contentType.startsWith('application/grpc');
    for (let i = 0; i < 2; i++) {
      const { body } = await wire.ask(
        { ':path': `${service}/GetItem`, 'content-type': contentType, te: 'trailers', ...signed, [accept]: gzipOnly },
        isFramed ? framed(request) : request,
      );
      assert.ok(body.length > huge.length, `${contentType}: ${body.length} bytes`);
      assert.ok((isFramed ? framesOf(body)[0]?.text : gunzipSync(body).toString('latin1'))?.includes(huge));
    }
  }
});
