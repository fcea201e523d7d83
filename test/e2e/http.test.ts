// What plain HTTP sees of the server: caches, content types, limits, malformed requests, pages of other origins. Over HTTP/1.1 and HTTP/2.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { openFixture } from '../fixture/app.ts';
import { openScriptedUpstream, type ScriptedUpstream } from '../fixture/scripted-upstream.ts';
import { assertConformance, decodeDetails } from '../support/client/conformance.ts';
import { type Ask, type HttpReply, versions } from '../support/client/http.ts';
import { registryOf, signIn } from '../support/client/protocols.ts';
import { fixtureRelease, openTestServer, type TestServer } from '../support/server/test-server.ts';

const registry = registryOf(fixtureRelease.descriptorSet);
const origin = 'https://app.example.com';
let server: TestServer;
let scripted: ScriptedUpstream;
let signed: { readonly authorization: string };
before(async () => {
  scripted = await openScriptedUpstream();
  const { app, titles } = openFixture();
  titles.set('1', 'the first');
  server = await openTestServer({ app, samples: { scripted: scripted.address }, settings: { 'public.corsOrigins': [origin] } });
  signed = (await signIn(server, registry, 'alice')).headers;
});
after(async () => {
  await server?.close();
  scripted?.close();
});

const echo = '/fixture.v1.ScreenService/Echo';
const json = { 'content-type': 'application/json' };
const proto = { 'content-type': 'application/proto' };
const query = (message: object) => `?connect=v1&encoding=json&message=${encodeURIComponent(JSON.stringify(message))}`;

/** A refusal in Connect's form, held against the rules of all errors. @returns its reason */
function reasonOf({ headers, body }: HttpReply): string | undefined {
  assert.match(String(headers['content-type']), /^application\/json/);
  const {
    code,
    message,
    details = [],
  } = JSON.parse(body.toString()) as { code: string; message: string; details?: { type: string; value: string; debug?: { reason?: string } }[] };
  const decoded = decodeDetails(details.map(({ type, value }) => ({ type, value: Buffer.from(value, 'base64') })));
  const codes: Readonly<Record<string, number>> = { invalid_argument: 3, unimplemented: 12, unauthenticated: 16, unavailable: 14 };
  assertConformance(codes[code] ?? -1, message, decoded);
  const shown = details.find(({ type }) => type === 'google.rpc.ErrorInfo')?.debug?.reason;
  assert.equal(shown, decoded.info?.reason, 'curl shows the reason');
  return decoded.info?.reason;
}

for (const [version, open] of versions) {
  const ask: Ask = (...of) => open(server)(...of);

  test(`${version}: a GET of a user's answer has an etag, is private, and is a 304 while the etag holds`, async () => {
    const path = `/fixture.v1.ScreenService/GetItem${query({ itemId: '7' })}`;
    const first = await ask('GET', path, { ...signed, 'accept-language': 'en' });
    assert.deepEqual([first.status, JSON.parse(first.body.toString()).owner], [200, 'alice']);
    assert.match(String(first.headers['cache-control']), /^private, max-age=\d+$/);
    assert.match(String(first.headers.vary), /accept-language/i);
    const etag = String(first.headers.etag);
    assert.match(etag, /^(W\/)?"[^"]+"$/);
    const again = await ask('GET', path, { ...signed, 'accept-language': 'en', 'if-none-match': `"other", ${etag}` });
    assert.deepEqual([again.status, again.body.length, again.headers.etag], [304, 0, etag]);
    assert.match(String(again.headers['cache-control']), /^private/);
    const changed = await ask('GET', path, { ...signed, 'accept-language': 'en', 'if-none-match': '"other"' });
    assert.equal(changed.status, 200);
  });

  test(`${version}: a GET of what all may see is public; of what is not cached it says nothing`, async () => {
    const shared = await ask('GET', `/fixture.v1.ScreenService/ListItems${query({})}`);
    assert.match(String(shared.headers['cache-control']), /^public, max-age=\d+$/);
    const plain = await ask('GET', `${echo}${query({ text: 'a' })}`);
    assert.deepEqual([plain.status, JSON.parse(plain.body.toString())], [200, { text: 'a' }]);
    assert.doesNotMatch(String(plain.headers['cache-control'] ?? ''), /public|max-age=[1-9]/);
  });

  test(`${version}: a write cannot be had by GET`, async () => {
    const { status } = await ask('GET', `/fixture.v1.ScreenService/ChangeItem${query({ itemId: '1' })}`, signed);
    assert.equal(status, 405);
  });

  test(`${version}: if-none-match of a POST gives an empty message that says so`, async () => {
    const of = { ...signed, ...json };
    const first = await ask('POST', '/fixture.v1.ScreenService/GetItem', of, '{"itemId":"8"}');
    const again = await ask('POST', '/fixture.v1.ScreenService/GetItem', { ...of, 'if-none-match': String(first.headers.etag) }, '{"itemId":"8"}');
    assert.deepEqual([again.status, again.headers['portico-not-modified'], again.body.toString()], [200, '1', '{}']);
  });

  test(`${version}: answers have the content type of their requests, another one is refused`, async () => {
    const asJson = await ask('POST', echo, json, '{"text":"a"}');
    assert.match(String(asJson.headers['content-type']), /^application\/json/);
    const asProto = await ask('POST', echo, proto, Buffer.from([0x0a, 1, 0x61]));
    assert.deepEqual([asProto.headers['content-type'], asProto.body], ['application/proto', Buffer.from([0x0a, 1, 0x61])]);
    const other = await ask('POST', echo, { 'content-type': 'text/plain' }, 'a');
    assert.equal(other.status, 415);
  });

  test(`${version}: a method that there is not is told so`, async () => {
    const reply = await ask('POST', '/fixture.v1.ScreenService/Nothing', json, '{}');
    assert.deepEqual([reply.status, reasonOf(reply)], [404, 'METHOD_UNKNOWN']);
  });

  test(`${version}: what cannot be read is told so`, async () => {
    for (const [headers, body] of [
      [json, '{"text":'],
      [json, '{"text":7}'],
      [json, '[]'],
      [proto, Buffer.from([0x0a, 0x7f, 0x61])],
      [proto, Buffer.from([0x0f, 0xff])],
    ] as const) {
      const reply = await ask('POST', echo, headers, body);
      assert.deepEqual([reply.status, reasonOf(reply)], [400, 'CALL_MALFORMED'], String(body));
    }
    const byGet = await ask('GET', `${echo}?connect=v1&encoding=json&message=%7B`);
    assert.deepEqual([byGet.status, reasonOf(byGet)], [400, 'CALL_MALFORMED']);
  });

  test(`${version}: JSON may have fields that this release does not know`, async () => {
    const { status, body } = await ask('POST', echo, json, '{"text":"a","fromTheFuture":{"b":[1]}}');
    assert.deepEqual([status, body.toString()], [200, '{"text":"a"}']);
  });

  test(`${version}: requests may be packed by gzip, and bombs stay small`, async () => {
    const packed = await ask('POST', echo, { ...json, 'content-encoding': 'gzip' }, gzipSync('{"text":"packed"}'));
    assert.deepEqual([packed.status, packed.body.toString()], [200, '{"text":"packed"}']);
    const bomb = await ask('POST', echo, { ...json, 'content-encoding': 'gzip' }, gzipSync(Buffer.alloc(2_000_000, 0x20)));
    assert.equal(bomb.status, 429);
    const unknown = await ask('POST', echo, { ...json, 'content-encoding': 'br' }, 'x');
    assert.equal(unknown.status, 501);
    const broken = await ask('POST', echo, { ...json, 'content-encoding': 'gzip' }, 'no gzip at all');
    assert.equal(broken.status, 400);
  });

  test(`${version}: a request over one mebibyte is refused`, async () => {
    const { status, body } = await ask('POST', echo, json, `{"text":"${'a'.repeat(1_048_576)}"}`);
    assert.deepEqual([status, JSON.parse(body.toString()).code], [429, 'resource_exhausted']);
  });

  test(`${version}: a timeout that is none is refused, one that is over ends the call`, async () => {
    for (const text of ['-1', '1s', '', '99999999999'])
      assert.equal(reasonOf(await ask('POST', echo, { ...json, 'connect-timeout-ms': text }, '{}')), 'TIMEOUT_MALFORMED', text);
    const over = await ask('POST', '/fixture.v1.ForwardService/Unary', { ...signed, ...json, 'connect-timeout-ms': '50' }, '{"delayMs":60000}');
    assert.deepEqual([over.status, JSON.parse(over.body.toString()).code], [504, 'deadline_exceeded']);
  });

  test(`${version}: metadata with "_" or too long is refused`, async () => {
    assert.equal(reasonOf(await ask('POST', echo, { ...json, x_y: '1' }, '{}')), 'CALL_MALFORMED');
    assert.equal(reasonOf(await ask('POST', echo, { ...json, 'x-long': 'a'.repeat(4_097) }, '{}')), 'CALL_MALFORMED');
    assert.equal((await ask('POST', echo, { ...json, 'x-long': 'a'.repeat(4_096) }, '{}')).status, 200);
  });

  test(`${version}: pages of the named origins may call, others not`, async () => {
    const asking = { 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization,content-type' };
    const preflight = await ask('OPTIONS', echo, { origin, ...asking });
    assert.deepEqual([preflight.status, preflight.headers['access-control-allow-origin']], [204, origin]);
    for (const key of ['authorization', 'content-type', 'connect-protocol-version', 'if-none-match', 'traceparent'])
      assert.match(String(preflight.headers['access-control-allow-headers']), new RegExp(`\\b${key}\\b`, 'i'));
    const answered = await ask('POST', echo, { origin, ...json }, '{}');
    assert.deepEqual([answered.status, answered.headers['access-control-allow-origin']], [200, origin]);
    for (const key of ['portico-trace-id', 'portico-cache', 'portico-stale', 'portico-not-modified', 'etag'])
      assert.match(String(answered.headers['access-control-expose-headers']), new RegExp(`\\b${key}\\b`));
    const cached = await ask('GET', `/fixture.v1.ScreenService/GetItem${query({ itemId: '7' })}`, { ...signed, origin });
    assert.match(String(cached.headers.vary), /accept-language.*origin/);
    const other = await ask('OPTIONS', echo, { origin: 'https://evil.example', ...asking });
    assert.deepEqual([other.status, other.headers['access-control-allow-origin']], [403, undefined]);
    const called = await ask('POST', echo, { origin: 'https://evil.example', ...json }, '{}');
    assert.equal(called.headers['access-control-allow-origin'], undefined);
  });

  test(`${version}: pages may send and read the metadata that policies name, and no other`, async () => {
    const preflight = await ask('OPTIONS', echo, { origin, 'access-control-request-method': 'POST' });
    const allowed = String(preflight.headers['access-control-allow-headers']).split(', ');
    const policies = server.portico.methods.plans.values();
    const named = [...policies].flatMap(({ cache, forward }) => [...(cache?.vary ?? []), ...(forward?.metadata ?? [])]);
    assert.ok(named.length > 0);
    const ofProtocols = [
      'content-type',
      'connect-protocol-version',
      'connect-timeout-ms',
      'grpc-timeout',
      'x-grpc-web',
      'x-user-agent',
      'tracestate',
    ];
    for (const key of [...named, ...ofProtocols]) assert.ok(allowed.includes(key), key);
    for (const key of ['*', 'x-other', 'cookie', 'portico-cache']) assert.ok(!allowed.includes(key), key);
    const answer = await ask(
      'POST',
      '/fixture.v1.ForwardService/Unary',
      { origin, ...json, ...signed, 'x-echo': 'a', 'x-shown': 'b' },
      '{"text":"x"}',
    );
    assert.equal(answer.status, 200);
    const exposed = String(answer.headers['access-control-expose-headers']).toLowerCase().split(', ');
    const ofAnswer = Object.keys(answer.headers).filter(
      (key) => !/^(:|access-control-|connection$|date$|keep-alive$|transfer-encoding$|vary$)/.test(key),
    );
    for (const key of ofAnswer) assert.ok(exposed.includes(key), `${key} of the answer is not exposed`);
    for (const key of ['portico-trace-id', 'grpc-status', 'grpc-message', 'grpc-status-details-bin']) assert.ok(exposed.includes(key), key);
  });

  test(`${version}: the published keys are a page that caches may keep`, async () => {
    const { status, headers, body } = await ask('GET', '/.well-known/jwks.json');
    assert.deepEqual([status, headers['content-type'], headers['cache-control']], [200, 'application/json', 'public, max-age=60']);
    assert.ok(JSON.parse(body.toString()).keys.length >= 1);
    assert.ok(!body.toString().includes('"d"'), 'a private key is published');
  });
}
