// Requests that are nearly right: URLs of Connect, base64, timeouts and headers twice. What is accepted is read exactly;
// the rest is refused with its reason.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, before, test } from 'node:test';
import { openFixture } from '../fixture/app.ts';
import { openWire, type Reply, replyOf, type Wire } from '../support/client/wire.ts';
import { openTestServer, type TestServer } from '../support/server/test-server.ts';
import { framed } from '../support/upstream/raw-upstream.ts';

let server: TestServer;
let wire: Wire;
before(async () => {
  server = await openTestServer({ app: openFixture().app, samples: { scripted: '127.0.0.1:1' } });
  wire = await openWire(server);
});
after(async () => {
  await wire?.[Symbol.asyncDispose]();
  await server?.close();
});

const echo = '/fixture.v1.ScreenService/Echo';
/** The status of HTTP, and the text of a refusal or the body. */
const said = async (reply: Promise<Reply>): Promise<readonly [status: number, text: string]> => {
  const { headers, trailers, body } = await reply;
  const text = headers['grpc-message'] ?? trailers['grpc-message'] ?? /"message":"(.*?)","details/.exec(body.toString('latin1'))?.[1];
  return [Number(headers[':status']), text === undefined ? body.toString('latin1') : decodeURIComponent(String(text))];
};

const none = 'it cannot be decoded';
const gets: readonly (readonly [query: string, status: number, text: string])[] = [
  ['encoding=json&message=%7B%7D', 200, '{}'],
  ['connect=v1&encoding=json&message=%7B%7D&more=1', 200, '{}'],
  ['connect=v1&encoding=json&message={"text":"a+b"}', 200, '{"text":"a b"}'],
  ['connect=v1&encoding=json&compression=identity&message=%7B%7D', 200, '{}'],
  ['connect=v1&encoding=proto&message=', 200, ''],
  ['connect=v1&encoding=proto&message=%0a%02%c3%bf', 200, '\n\x02\xc3\xbf'],
  ['connect=v1&encoding=proto&message=%0a%03%ff', 400, none],
  ['connect=v1&encoding=proto&base64=1&message=CgJhYQ', 200, '\n\x02aa'],
  ['connect=v1&encoding=proto&base64=1&message=CgJhYQ%3D%3D', 200, '\n\x02aa'],
  ['connect=v1&encoding=proto&base64=1&message=CgI_YQ', 200, '\n\x02?a'],
  ['connect=v1&encoding=proto&base64=1&message=CgI/YQ', 200, '\n\x02?a'],
  ['connect=v1&encoding=proto&base64=1&message=CgFhA', 400, none],
  ['connect=v1&encoding=proto&base64=1&message=Cg%3DFh', 400, none],
  ['connect=v1&encoding=proto&base64=1&message=%3D', 400, none],
  ['connect=v1&encoding=proto&base64=1&message=Cg Fh', 400, none],
  ['connect=v1&encoding=json', 400, none],
  ['connect=v1&encoding=json&message=%7B%7', 400, none],
  ['connect=v1&encoding=json&message=%7B%7D&message=%7B%7D', 400, 'The URL has the parameter message twice.'],
  ['connect=v1&encoding=json&encoding=proto&message=%7B%7D', 400, 'The URL has the parameter encoding twice.'],
  ['connect=v1&encoding=json&message=%7B%7D&m%65ssage=', 400, 'The URL has the parameter message twice.'],
  ['connect=v1&encoding=json&compression=gzip&message=%7B%7D', 400, 'cannot be decompressed'],
  ['connect=v1&encoding=json&compression=br&message=%7B%7D', 501, 'are not understood'],
  ['connect=v1&encoding=xml&message=%7B%7D', 415, 'The method takes no'],
  ['connect=v1&encoding=__proto__&message=%7B%7D', 415, 'The method takes no'],
  ['connect=v1&message=%7B%7D', 415, 'The method takes no'],
];
for (const [query, status, text] of gets)
  test(`Connect GET: ${query}: ${status}`, async () => {
    const [found, found2] = await said(wire.ask({ ':method': 'GET', ':path': `${echo}?${query.replaceAll(' ', '%20')}` }));
    assert.equal(found, status, found2);
    assert.ok(status === 200 ? found2 === text : found2.includes(text), found2);
  });

const hello = framed(Buffer.from([0x0a, 1, 0x61])).toString('base64');
const cut = 'The request ends inside a message.';
const notBase64 = 'The body of the request is not base64.';
const texts: readonly (readonly [what: string, body: string, text: string | undefined])[] = [
  ['as it should be', hello, undefined],
  ['in lines', `${hello.slice(0, 5)}\r\n${hello.slice(5)}\n`, undefined],
  ['without padding', hello.replace(/=+$/, ''), cut],
  ['one character more', `${hello}A`, cut],
  ['three characters more', `${hello}AAA`, cut],
  ['padding alone', `${hello}====`, notBase64],
  ['padding before it', `====${hello}`, notBase64],
  ['padding inside four characters', `AA=A${hello}`, notBase64],
  ['too much padding', `A===${hello}`, notBase64],
  ['a blank', `${hello.slice(0, 4)} ${hello.slice(4)}`, notBase64],
  ['the alphabet of URLs', hello.replace('A', '_'), notBase64],
  ['a byte that is no text', `${hello}\0`, notBase64],
];
const asText = (path: string, body: string) => wire.ask({ ':path': path, 'content-type': 'application/grpc-web-text' }, body);
for (const [what, body, text] of texts) {
  test(`gRPC-Web as text, ${what}: ${text ?? 'accepted'}`, async () => {
    const { headers } = await asText(echo, body);
    assert.equal(headers['grpc-message'] && decodeURIComponent(String(headers['grpc-message'])), text);
  });
  test(`a stream of gRPC-Web as text, ${what}: ${text ?? 'accepted'}`, async () => {
    const reply = await asText(
      '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
      body.replace(hello, framed(Buffer.alloc(0)).toString('base64')),
    );
    const parts = reply.body.toString().match(/[^=]+=*/g) ?? [];
    const said = `${JSON.stringify(reply.headers)}${Buffer.concat(parts.map((part) => Buffer.from(part, 'base64'))).toString('latin1')}`;
    const found = /grpc-message(?:: |":")([^"\r]*)/.exec(said)?.[1];
    assert.equal(found && decodeURIComponent(found), text);
  });
}

const json = { ':path': echo, 'content-type': 'application/json' };
test('HTTP/2: a client that asks before it sends its body continues after a 100, unless it is refused', async () => {
  const asking = (path: string) => wire.open({ ':method': 'POST', ...json, ':path': path, expect: '100-continue' });
  const stream = asking(echo);
  const replied = replyOf(stream);
  await once(stream, 'continue');
  stream.end('{"text":"a"}');
  assert.deepEqual(await said(replied), [200, '{"text":"a"}']);
  const refused = asking('/fixture.v1.ScreenService/WhoAmI');
  let continues = 0;
  refused.on('continue', () => continues++);
  const [status] = await said(replyOf(refused));
  assert.deepEqual([status, continues], [401, 0]);
});

test('the timeout of another protocol is ignored', async () => {
  assert.deepEqual(await said(wire.ask({ ...json, 'grpc-timeout': 'x' }, '{}')), [200, '{}']);
  const grpc = { ':path': echo, 'content-type': 'application/grpc', te: 'trailers' };
  const { trailers } = await wire.ask({ ...grpc, 'connect-timeout-ms': '0' }, framed(Buffer.alloc(0)));
  assert.equal(trailers['grpc-status'], '0');
});

test('a timeout of nothing is over, and says so', async () => {
  assert.deepEqual(await said(wire.ask({ ...json, 'connect-timeout-ms': '0' }, '{}')), [504, 'The call was not answered within 0 ms.']);
});

test('a header of which Node makes a list has the limits of others', async () => {
  assert.match((await said(wire.ask({ ...json, 'set-cookie': ['a', 'b'.repeat(4_096)] }, '{}')))[1], /"set-cookie.*at most 4096 are allowed/);
});

test('binary metadata with a character too many or too few is refused', async () => {
  for (const value of ['A', 'YWFhY', '=', 'Y===', 'YQ=', 'YQ==YQ==', 'YQ, A'])
    assert.deepEqual(await said(wire.ask({ ...json, 'x-shop-bin': value }, '{}')), [400, 'The metadata key \\"x-shop-bin\\" is not base64.'], value);
});
