// Requests of HTTP as RFC 9110, 9112 and 9113 have them, good and bad, by raw sockets: what a client library would
// never send.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { after, before, test } from 'node:test';
import { openFixture } from '../fixture/app.ts';
import { frames } from '../support/client/raw-frames.ts';
import { openTestServer, type TestServer } from '../support/server/test-server.ts';
import { until } from '../support/time/until.ts';

let server: TestServer;
before(async () => {
  server = await openTestServer({ app: openFixture().app, samples: { scripted: '127.0.0.1:1' }, settings: { 'public.plaintext': true } });
});
after(() => server?.close());

const echo = '/fixture.v1.ScreenService/Echo';
const body = '{"text":"x"}';
const json = 'content-type: application/json\r\n';
const length = `content-length: ${body.length}\r\n`;
const chunked = `c\r\n${body}\r\n0\r\n\r\n`;

/**
 * Sends bytes on a connection of its own. @returns the status of the answer and its body, or what CORS and Node say of
 * it
 */
async function said(text: string): Promise<{ readonly status: number; readonly rest: string; readonly continued: boolean }> {
  const socket = connect(server.portico.ports.public, '127.0.0.1');
  let received = '';
  socket.setEncoding('utf8').on('data', (chunk) => {
    received += chunk;
  });
  socket.on('error', () => {});
  socket.write(text);
  let isClosed = false;
  void once(socket, 'close').then(() => {
    isClosed = true;
  });
  const isWhole = () => {
    const [, headers = '', rest = ''] =
      /^HTTP\/1\.1 (?!100)(\d+ [\s\S]*?)\r\n\r\n([\s\S]*)$/.exec(received.replace(/^HTTP\/1\.1 100[^\r]*\r\n\r\n/, '')) ?? [];
    return headers !== '' && rest.length >= Number(/content-length: (\d+)/i.exec(headers)?.[1] ?? 0);
  };
  await until('the answer is there, or the connection is closed', () => isClosed || isWhole());
  socket.destroy();
  const final = received.replace(/^HTTP\/1\.1 100[^\r]*\r\n\r\n/, '');
  return {
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(final)?.[1] ?? 0),
    rest: final.slice(final.indexOf('\r\n\r\n') + 4),
    continued: final !== received,
  };
}

type Sent = { readonly verb?: string; readonly host?: string; readonly headers?: string; readonly body?: string; readonly version?: string };
const ask = (
  target: string,
  { verb = 'POST', host = 'host: localhost\r\n', headers = json + length, body: text = body, version = '1.1' }: Sent = {},
) => said(`${verb} ${target} HTTP/${version}\r\n${host}${headers}\r\n${text}`);

const targets: readonly (readonly [name: string, target: string, status: number, sent?: Sent])[] = [
  ['origin-form', echo, 200],
  ['a query', `${echo}?a=b`, 200],
  ['absolute-form', `http://localhost${echo}`, 200],
  ['absolute-form, scheme and host of any case', `HTTP://LocalHost:8443${echo}`, 200],
  ['absolute-form of https', `https://localhost${echo}`, 200],
  ['absolute-form with another host than the header, which is ignored', `http://other.example${echo}`, 200],
  ['absolute-form with an IPv6 address', `http://[::1]:80${echo}`, 200],
  ['absolute-form with a host that is none', `http://a b${echo}`, 400],
  ['absolute-form with a password', `http://me:secret@localhost${echo}`, 400],
  ['absolute-form without a host', `http://${echo}`, 404],
  ['absolute-form of another scheme', `ftp://localhost${echo}`, 404],
  ['absolute-form without a path', 'http://localhost', 404],
  ['absolute-form without a path, with a query', 'http://localhost?a=b', 404],
  ['asterisk-form of OPTIONS', '*', 204, { verb: 'OPTIONS', headers: '', body: '' }],
  ['asterisk-form of another verb', '*', 404],
  ['authority-form of CONNECT', 'localhost:443', 405, { verb: 'CONNECT', headers: '', body: '' }],
  ['authority-form of another verb', 'localhost:443', 400],
  ['no target', '', 400],
  ['a path without its slash', echo.slice(1), 400],
  ['two slashes', `/${echo}`, 404],
  ['dots', `${echo}/../Echo`, 404],
  ['an encoded letter: names of methods are compared as they are', '/fixture.v1.ScreenService/%45cho', 404],
  ['a fragment', `${echo}#here`, 404],
  ['a blank', `${echo} x`, 400],
];
for (const [name, target, status, sent] of targets)
  test(`HTTP/1.1 target: ${name}: ${status}`, async () => {
    const answer = await ask(target, sent);
    assert.equal(answer.status, status, answer.rest);
    if (status === 200) assert.equal(answer.rest, body);
  });

const hosts: readonly (readonly [name: string, host: string, status: number])[] = [
  ['one', 'host: localhost\r\n', 200],
  ['with a port', 'Host: localhost:8443\r\n', 200],
  ['an IPv6 address', 'host: [::1]:8443\r\n', 200],
  ['empty', 'host:\r\n', 200],
  ['none', '', 400],
  ['twice the same', 'host: localhost\r\nhost: localhost\r\n', 400],
  ['twice another', 'host: localhost\r\nHOST: other\r\n', 400],
  ['a list', 'host: localhost, other\r\n', 400],
  ['with a blank', 'host: local host\r\n', 400],
  ['with a user', 'host: me@localhost\r\n', 400],
  ['with a path', 'host: localhost/a\r\n', 400],
  ['with a blank before the colon', 'host : localhost\r\n', 400],
];
for (const [name, host, status] of hosts)
  test(`HTTP/1.1 Host: ${name}: ${status}`, async () => {
    for (const target of [echo, `http://localhost${echo}`]) {
      if (target !== echo && status === 400 && !/twice|none|colon/.test(name)) continue; // the header is ignored there
      assert.equal((await ask(target, { host })).status, status, target);
    }
  });

const framings: readonly (readonly [name: string, headers: string, sent: string, status: number])[] = [
  ['a length', length, body, 200],
  ['chunked', 'transfer-encoding: chunked\r\n', chunked, 200],
  ['chunked, of any case', 'Transfer-Encoding: Chunked\r\n', chunked, 200],
  ['both', `${length}transfer-encoding: chunked\r\n`, chunked, 400],
  ['both, the other way round', `transfer-encoding: chunked\r\n${length}`, chunked, 400],
  ['a length twice', length + length, body, 400],
  ['two lengths', `${length}content-length: 5\r\n`, body, 400],
  ['a list of lengths', `content-length: ${body.length}, ${body.length}\r\n`, body, 400],
  ['a length with a sign', `content-length: +${body.length}\r\n`, body, 400],
  ['a negative length', 'content-length: -1\r\n', body, 400],
  ['a length in hex', 'content-length: 0xc\r\n', body, 400],
  ['a length beyond 64 bits', `content-length: ${'9'.repeat(30)}\r\n`, body, 400],
  ['a coding that is not known', 'transfer-encoding: gzip\r\n', body, 400],
  ['a coding before chunked', 'transfer-encoding: gzip, chunked\r\n', chunked, 501],
  ['identity before chunked', 'transfer-encoding: identity, chunked\r\n', chunked, 501],
  ['a coding after chunked', 'transfer-encoding: chunked, identity\r\n', chunked, 400],
  ['chunked twice', 'transfer-encoding: chunked, chunked\r\n', chunked, 400],
  ['chunked with a letter before it', 'transfer-encoding: xchunked\r\n', chunked, 400],
  ['a blank before the colon', 'transfer-encoding : chunked\r\n', chunked, 400],
  ['a chunk whose size is none', 'transfer-encoding: chunked\r\n', `zz\r\n${chunked}`, 400],
  ['two content types', `content-type: application/proto\r\n${length}`, body, 400],
  ['a folded header', 'x-a: b\r\n c\r\n', body, 400],
  ['an expectation', `${length}expect: 100-continue\r\n`, body, 200],
  ['an expectation that is not known', `${length}expect: more\r\n`, body, 417],
];
for (const [name, headers, sent, status] of framings)
  test(`HTTP/1.1 body: ${name}: ${status}`, async () => {
    const { status: found, rest } = await ask(echo, { headers: json + headers, body: sent });
    assert.equal(found, status, rest);
    if (status === 200) assert.equal(rest, body);
  });

const whole = `POST ${echo} HTTP/1.1\r\nhost: localhost\r\n${json}${length}\r\n${body}`;
const followed: readonly (readonly [name: string, sent: string])[] = [
  ['what is no request', `${whole}junk`],
  ['a request after `connection: close`', whole.replace('\r\n', '\r\nconnection: close\r\n') + whole],
  ['a request with a length twice', whole + whole.replace(length, length + length)],
  ['a request with both framings', whole + whole.replace(length, `${length}transfer-encoding: chunked\r\n`)],
  ['a body that is not chunked as it says', whole + whole.replace(length, 'transfer-encoding: chunked\r\n')],
  ['headers that are too long', `${whole}GET / HTTP/1.1\r\nx: ${'a'.repeat(20_000)}\r\n\r\n`],
];
for (const [name, sent] of followed)
  test(`HTTP/1.1: a whole request has its answer, whatever follows it: ${name}`, async () => {
    assert.deepEqual(await said(sent), { status: 200, rest: body, continued: false });
  });

test('HTTP/1.1: a client that asks before it sends its body is told to continue, or at once why it is refused', async () => {
  const asking = (path: string) => ask(path, { headers: `${json}${length}expect: 100-continue\r\n`, body: '' });
  for (const [path, status] of [
    ['/fixture.v1.ScreenService/None', 404],
    ['/fixture.v1.ScreenService/WhoAmI', 401],
  ] as const) {
    const refused = await asking(path);
    assert.deepEqual([refused.status, refused.continued], [status, false], path);
  }
  const socket = connect(server.portico.ports.public, '127.0.0.1');
  let received = '';
  socket.setEncoding('utf8').on('data', (chunk) => {
    received += chunk;
  });
  socket.write(`POST ${echo} HTTP/1.1\r\nhost: localhost\r\n${json}${length}expect: 100-continue\r\n\r\n`);
  await until('it is told to continue', () => received === 'HTTP/1.1 100 Continue\r\n\r\n');
  socket.write(body);
  await until('it is answered', () => received.endsWith(body));
  socket.destroy();
});

test('HTTP/1.1: lines that end without CR, and other versions than 1, are refused', async () => {
  assert.equal((await said(`POST ${echo} HTTP/1.1\nhost: localhost\n\n`)).status, 400);
  assert.equal((await ask(echo, { version: '1.2' })).status, 400);
  assert.equal((await ask(echo, { version: '2.0' })).status, 505);
  assert.equal((await ask(echo, { version: '1.0', host: '' })).status, 200);
});

const pseudo = { ':method': 'POST', ':scheme': 'http', ':path': echo, ':authority': 'localhost' } as const;
type Fields = readonly (readonly [name: string, value: string])[];
const fields = (changed: Partial<Record<keyof typeof pseudo, string | undefined>> = {}, more: Fields = []): Fields => [
  ...Object.entries({ ...pseudo, ...changed }).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
  ['content-type', 'application/json'],
  ...more,
];

/**
 * What ends a stream: an HTTP status, or an error of the stream. Another stream of the connection is answered after it.
 */
const streams: readonly (readonly [name: string, fields: Fields, ends: number | 'reset'])[] = [
  ['as it should be', fields(), 200],
  ['a length that agrees', fields({}, [['content-length', String(body.length)]]), 200],
  ['a length beyond the body', fields({}, [['content-length', '100']]), 'reset'],
  [
    'two lengths',
    fields({}, [
      ['content-length', '12'],
      ['content-length', '13'],
    ]),
    'reset',
  ],
  ['a negative length', fields({}, [['content-length', '-1']]), 'reset'],
  ['two content types', fields({}, [['content-type', 'application/proto']]), 400],
  ['a transfer-encoding', fields({}, [['transfer-encoding', 'chunked']]), 'reset'],
  ['a connection header', fields({}, [['connection', 'close']]), 'reset'],
  ['a keep-alive', fields({}, [['keep-alive', 'timeout=5']]), 'reset'],
  ['a proxy-connection', fields({}, [['proxy-connection', 'close']]), 'reset'],
  ['an upgrade', fields({}, [['upgrade', 'h2c']]), 'reset'],
  [
    'te twice',
    fields({}, [
      ['te', 'trailers'],
      ['te', 'trailers'],
    ]),
    200,
  ],
  ['te other than trailers', fields({}, [['te', 'gzip']]), 'reset'],
  ['a Host that agrees', fields({}, [['host', 'LOCALHOST']]), 200],
  ['a Host that differs from :authority', fields({}, [['host', 'other']]), 400],
  ['a Host without :authority', fields({ ':authority': undefined }, [['host', 'localhost']]), 200],
  [
    'two Hosts',
    fields({ ':authority': undefined }, [
      ['host', 'localhost'],
      ['host', 'other'],
    ]),
    'reset',
  ],
  ['neither Host nor :authority', fields({ ':authority': undefined }), 'reset'],
  ['two :authority', [[':authority', 'other'], ...fields()], 'reset'],
  [':authority with a user', fields({ ':authority': 'me@localhost' }), 'reset'],
  ['an empty path', fields({ ':path': '' }), 'reset'],
  ['an asterisk', fields({ ':path': '*' }), 'reset'],
  ['a path that is a URL', fields({ ':path': `http://localhost${echo}` }), 'reset'],
  ['a path with two slashes', fields({ ':path': `/${echo}` }), 404],
  ['a path with an encoded letter', fields({ ':path': echo.replace('Echo', '%45cho') }), 404],
  ['a path without a query after its mark', fields({ ':path': `${echo}?` }), 200],
  ['no path', fields({ ':path': undefined }), 'reset'],
  ['no scheme', fields({ ':scheme': undefined }), 'reset'],
  ['an extended CONNECT', [...fields({ ':method': 'CONNECT' }).slice(0, 4), [':protocol', 'websocket']], 'reset'],
  ['a pseudo header that is not known', [[':more', 'a'], ...fields()], 'reset'],
  ['a pseudo header of responses', [[':status', '200'], ...fields()], 'reset'],
  ['a path with a fragment', fields({ ':path': `${echo}#here` }), 404],
  ['a name of upper case', fields({}, [['X-Name', 'a']]), 'reset'],
  ['a pseudo header after others', [...fields(), [':scheme', 'http']], 'reset'],
];
for (const [name, sent, ends] of streams)
  test(`HTTP/2: ${name}: ${ends}`, async () => {
    const seen = await frames(server.portico.ports.public, [
      { stream: 1, fields: sent, body },
      { stream: 3, fields: fields(), body },
    ]);
    assert.equal(seen.get(1), ends);
    assert.equal(seen.get(3), 200);
  });

test('HTTP/2: OPTIONS * is answered', async () => {
  const seen = await frames(server.portico.ports.public, [{ stream: 1, fields: fields({ ':method': 'OPTIONS', ':path': '*' }), body: '' }]);
  assert.equal(seen.get(1), 204);
});
