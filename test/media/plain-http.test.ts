// Attachments over HTTP/1.1 and HTTP/2 without any protocol: as a browser, an image loader or curl asks for them.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { connect } from 'node:http2';
import { request } from 'node:https';
import { after, before, test } from 'node:test';
import { jpeg, type MediaServer, openMediaServer, sha256 } from './media-calls.ts';

let server: MediaServer;
before(async () => {
  server = await openMediaServer({ settings: { 'media.sizeMax': 300_000 } });
});
after(() => server?.close());

type Asked = { readonly method?: string; readonly path: string; readonly headers?: Record<string, string>; readonly body?: Buffer };
type Came = { readonly status: number; readonly headers: Record<string, unknown>; readonly body: Buffer; readonly isWhole: boolean };

const byHttp1 = ({ method = 'GET', path, headers = {}, body }: Asked) =>
  new Promise<Came>((resolve, reject) => {
    const asking = request(
      `${server.url}${path}`,
      { method, headers: { ...headers, ...(body && { 'content-length': body.length }) }, ca: server.ca },
      (response) => {
        const chunks: Buffer[] = [];
        const done = (isWhole: boolean) =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks), isWhole });
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () => done(true));
        response.on('error', () => done(false));
      },
    );
    asking.on('error', reject);
    asking.end(body);
  });
const byHttp2 = ({ method = 'GET', path, headers = {}, body }: Asked) =>
  new Promise<Came>((resolve, reject) => {
    const session = connect(server.url, { ca: server.ca });
    session.on('error', reject);
    const stream = session.request({ ':method': method, ':path': path, ...headers, ...(body && { 'content-length': String(body.length) }) });
    let answered: Record<string, unknown> = {};
    const chunks: Buffer[] = [];
    let failed = false;
    stream.on('response', (received) => {
      answered = received;
    });
    stream.on('data', (chunk) => chunks.push(chunk));
    stream.on('error', () => {
      failed = true;
    });
    stream.on('close', () => {
      session.close();
      resolve({ status: Number(answered[':status']), headers: answered, body: Buffer.concat(chunks), isWhole: !failed && stream.rstCode === 0 });
    });
    stream.end(body);
  });

for (const [version, ask] of [
  ['HTTP/1.1', byHttp1],
  ['HTTP/2', byHttp2],
] as const) {
  const put = async (user: string, conversationId: string, content: Buffer, more: Partial<Asked> = {}, id: string = randomUUID(), query = '') => {
    const path = `/media/${id}?conversation=${conversationId}&sha256=${sha256(content).toString('hex')}${query}`;
    const { headers = {}, ...rest } = more;
    return { id, ...(await ask({ method: 'PUT', path, body: content, ...rest, headers: { ...(await server.headersOf(user)), ...headers } })) };
  };
  const sent = async (content: Buffer, name = '') => {
    const conversationId = await server.group('alice', 'bob');
    const { id, status, body } = await put('alice', conversationId, content, {}, randomUUID(), name && `&name=${encodeURIComponent(name)}`);
    assert.equal(status, 200, body.toString());
    assert.equal((await server.media.send('alice', conversationId, [id])).reason, undefined);
    return { id, conversationId, body };
  };
  const get = async (user: string, id: string, headers: Record<string, string> = {}, method = 'GET') =>
    ask({ method, path: `/media/${id}`, headers: { ...(await server.headersOf(user)), ...headers } });

  test(`${version}: PUT uploads, GET and HEAD give it with its type, and safe headers`, async () => {
    const content = jpeg(200_000);
    const { id, body } = await sent(content, "Ann's *ß*.jpg");
    assert.deepEqual(JSON.parse(body.toString()).attachment.contentType, 'image/jpeg');
    const whole = await get('bob', id);
    assert.deepEqual([whole.status, whole.headers['content-type'], whole.headers['content-length']], [200, 'image/jpeg', '200000']);
    assert.ok(whole.body.equals(content));
    assert.equal(whole.headers['content-disposition'], "inline; filename*=UTF-8''Ann%27s%20%2A%C3%9F%2A.jpg");
    assert.equal(whole.headers['x-content-type-options'], 'nosniff');
    assert.equal(whole.headers['content-security-policy'], "default-src 'none'; sandbox");
    assert.equal(whole.headers['cache-control'], 'private, no-cache');
    const head = await get('bob', id, {}, 'HEAD');
    assert.deepEqual([head.status, head.headers['content-length'], head.headers.etag, head.body.length], [200, '200000', whole.headers.etag, 0]);
  });

  test(`${version}: ranges and conditions are those of RFC 9110`, async () => {
    const content = jpeg(100_000);
    for (let i = 11; i < content.length; i++) content[i] = i % 251;
    const { id } = await sent(content);
    const etag = `"${sha256(content).toString('hex')}"`;
    const rows: readonly (readonly [Record<string, string>, number, string | undefined, Buffer])[] = [
      [{ range: 'bytes=0-' }, 206, 'bytes 0-99999/100000', content],
      [{ range: 'bytes=5-9' }, 206, 'bytes 5-9/100000', content.subarray(5, 10)],
      [{ range: 'bytes=99990-999999' }, 206, 'bytes 99990-99999/100000', content.subarray(99_990)],
      [{ range: 'bytes=-10' }, 206, 'bytes 99990-99999/100000', content.subarray(99_990)],
      [{ range: 'bytes=-999999' }, 206, 'bytes 0-99999/100000', content],
      [{ range: 'bytes=0-1,5-6' }, 200, undefined, content],
      [{ range: 'bytes=9-5' }, 200, undefined, content],
      [{ range: 'lines=0-1' }, 200, undefined, content],
      [{ range: 'bytes=-' }, 200, undefined, content],
      [{ range: 'bytes=5-9', 'if-range': etag }, 206, 'bytes 5-9/100000', content.subarray(5, 10)],
      [{ range: 'bytes=5-9', 'if-range': `W/${etag}` }, 200, undefined, content],
      [{ range: 'bytes=5-9', 'if-range': 'Sat, 29 Oct 1994 19:43:31 GMT' }, 200, undefined, content],
      [{ 'if-none-match': `"other", W/${etag}` }, 304, undefined, Buffer.of()],
      [{ 'if-none-match': '*' }, 304, undefined, Buffer.of()],
      [{ 'if-none-match': '"other"' }, 200, undefined, content],
    ];
    for (const [headers, status, range, body] of rows) {
      const came = await get('bob', id, headers);
      assert.deepEqual([came.status, came.headers['content-range'], came.body.equals(body)], [status, range, true], JSON.stringify(headers));
      assert.equal(came.headers.etag, etag);
    }
    for (const range of ['bytes=100000-', 'bytes=100000-100001', 'bytes=-0']) {
      const refused = await get('bob', id, { range });
      assert.deepEqual([refused.status, refused.headers['content-range']], [416, 'bytes */100000'], range);
    }
  });

  test(`${version}: a PUT that was cut is resumed by content-range`, async () => {
    const conversationId = await server.group('alice', 'bob');
    const content = jpeg(90_000);
    const sha = sha256(content).toString('hex');
    const headers = await server.headersOf('alice');
    const path = `/media/${randomUUID()}?conversation=${conversationId}&sha256=${sha}`;
    const part = (from: number, to: number) => ({
      method: 'PUT',
      path,
      headers: { ...headers, 'content-range': `bytes ${from}-${to - 1}/90000` },
      body: content.subarray(from, to),
    });
    const first = await ask(part(0, 50_000));
    assert.deepEqual([first.status, JSON.parse(first.body.toString()).details[0].debug.metadata.offset], [409, '50000']);
    assert.equal((await ask(part(10_000, 90_000))).status, 409);
    assert.equal((await ask(part(50_000, 90_000))).status, 200);
    assert.equal((await ask(part(0, 90_000))).status, 200, 'the same again is the same');
  });

  test(`${version}: a link works without a token, for its attachment, until its session or membership ends`, async () => {
    const user = `lin-${randomUUID()}`;
    const conversationId = await server.group('alice', user);
    const id = await server.media.attach('alice', conversationId);
    const other = await server.media.attach('alice', conversationId);
    await server.media.send('alice', conversationId, [id, other]);
    const { came } = await server.media.try(user, 'CreateLink', { attachmentId: id });
    const { path } = came[0];
    const came1 = await ask({ path });
    assert.deepEqual([came1.status, came1.body.length], [200, 1_000]);
    assert.equal((await ask({ path, headers: { range: 'bytes=0-3' } })).status, 206);
    assert.equal((await ask({ path, method: 'HEAD' })).status, 200);
    assert.equal((await ask({ path: path.replace(id, other) })).status, 401);
    assert.equal((await ask({ path: `${path.slice(0, -4)}AAAA` })).status, 401);
    assert.equal((await ask({ path, method: 'DELETE' })).status, 405);
    await server.call(user, 'LeaveConversation', { conversationId });
    assert.equal((await ask({ path })).status, 404);
  });

  test(`${version}: strangers, former members and bad announcements get an error with a reason`, async () => {
    const content = jpeg(1_000);
    const { id, conversationId } = await sent(content);
    const reasonOf = ({ body }: { readonly body: Buffer }) => JSON.parse(body.toString()).details[0].debug.reason;
    assert.deepEqual([(await ask({ path: `/media/${id}` })).status, (await get('eve', id)).status], [401, 404]);
    assert.equal(reasonOf(await put('eve', conversationId, content)), 'CONVERSATION_UNKNOWN');
    assert.equal(reasonOf(await put('alice', 'no-uuid', content)), 'REQUEST_INVALID');
    assert.equal(reasonOf(await put('alice', conversationId, content, { headers: { 'content-encoding': 'gzip' } })), 'ENCODING_UNKNOWN');
    assert.equal(reasonOf(await put('alice', conversationId, content, { headers: { 'content-range': 'bytes 0-9' } })), 'REQUEST_INVALID');
    const large = await put('alice', conversationId, jpeg(300_001));
    assert.deepEqual([large.status, reasonOf(large)], [413, 'ATTACHMENT_TOO_LARGE']);
    const markup = await put('alice', conversationId, Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'));
    assert.deepEqual([markup.status, reasonOf(markup)], [415, 'ATTACHMENT_TYPE_REFUSED']);
    const bodied = await ask({ method: 'PUT', path: `/media/${id}`, headers: await server.headersOf('alice'), body: content });
    assert.equal(reasonOf(bodied), 'REQUEST_INVALID');
  });
}
