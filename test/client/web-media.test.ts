// What the transport for browsers sends of attachments, to a fetch that answers what a test says.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CallError } from '../../src/client/call-error.ts';
import { webMedia } from '../../src/client/media/web-media.ts';
import { ErrorInfo } from '../../src/gen/google/rpc/error_details.ts';
import type { DownloadStart, UploadStart } from '../../src/gen/portico/v1/media.ts';
import { attachmentId, conversationId, sha256 } from './scripted-media.ts';

type Asked = { readonly url: string; readonly headers: Readonly<Record<string, string>>; readonly body?: Uint8Array };

function scripted(answer: (asked: Asked) => Response | Promise<Response>) {
  const asked: Asked[] = [];
  const fetch = (async (url: string, request: Omit<Asked, 'url'>) => {
    asked.push({ url, ...request });
    return answer({ url, ...request });
  }) as unknown as typeof globalThis.fetch;
  return { media: webMedia({ url: 'https://server', fetch }), asked };
}

/** An error as the server writes it. */
function refusal(status: number, code: string, reason: string, metadata: Readonly<Record<string, string>> = {}): Response {
  const value = ErrorInfo.encode({ reason, domain: 'portico', metadata: new Map(Object.entries(metadata)) }).finish();
  const details = [{ type: 'google.rpc.ErrorInfo', value: Buffer.from(value).toString('base64') }];
  return new Response(JSON.stringify({ code, message: reason, details }), { status });
}

const options = { headers: { authorization: 'Bearer t' }, signal: new AbortController().signal };
const bytes = Buffer.from('a small content.');
const startOf = (content: Uint8Array, offset = 0): UploadStart => ({
  attachmentId,
  conversationId,
  sizeBytes: BigInt(content.length),
  sha256: sha256(content),
  offset: BigInt(offset),
  name: 'a b/ü.txt',
});
async function* inPieces(content: Uint8Array, each: number) {
  for (let at = 0; at < content.length; at += each) yield content.subarray(at, at + each);
}
async function all(download: AsyncIterable<DownloadStart | Uint8Array>) {
  const came: (DownloadStart | Uint8Array)[] = [];
  for await (const each of download) came.push(each);
  const [start, ...pieces] = came;
  return { start: start as DownloadStart, bytes: Buffer.concat(pieces as Uint8Array[]) };
}

test('an upload is a PUT with its place, and its answer has the type', async () => {
  const { media, asked } = scripted(() => Response.json({ attachment: { id: attachmentId, contentType: 'text/plain' } }));
  const attachment = await media.upload(startOf(bytes, 7), inPieces(bytes.subarray(7), 2), options);
  assert.deepEqual([attachment.contentType, attachment.sizeBytes, attachment.name], ['text/plain', 16n, 'a b/ü.txt']);
  const [{ url, headers, body }] = asked as [Asked];
  const { pathname, searchParams } = new URL(url);
  assert.equal(pathname, `/media/${attachmentId}`);
  assert.deepEqual(Object.fromEntries(searchParams), { conversation: conversationId, sha256: sha256(bytes).toString('hex'), name: 'a b/ü.txt' });
  assert.deepEqual([headers['content-range'], headers.authorization], ['bytes 7-15/16', 'Bearer t']);
  assert.deepEqual(Buffer.from(body ?? []), bytes.subarray(7));
});

test('a large content goes in requests of 8 MiB, each answered with the next offset', async () => {
  const large = Buffer.alloc(8 * 1_048_576 + 5);
  const { media, asked } = scripted(() => refusal(409, 'aborted', 'UPLOAD_INCOMPLETE', { offset: '8388608' }));
  await assert.rejects(media.upload(startOf(large), inPieces(large, 65_000), options), (error) => {
    assert.ok(error instanceof CallError);
    assert.deepEqual([error.reason, error.metadata.get('offset')], ['UPLOAD_INCOMPLETE', '8388608']);
    return true;
  });
  assert.deepEqual([asked[0]?.body?.length, asked[0]?.headers['content-range']], [8_388_608, 'bytes 0-8388607/8388613']);
});

test('a network that fails, an answer that is cut, and one of a proxy are statuses that pass', async () => {
  const broken = () => new ReadableStream({ start: (stream) => stream.error(new TypeError('terminated')) });
  const answers: readonly (() => Response | Promise<Response>)[] = [
    () => Promise.reject(new TypeError('fetch failed')),
    () => new Response(broken()),
    () => new Response('<html>', { status: 502 }),
  ];
  for (const answer of answers) {
    const { media } = scripted(answer);
    await assert.rejects(media.upload(startOf(bytes), inPieces(bytes, 5), options), { code: 'UNAVAILABLE', reason: '' });
    await assert.rejects(all(media.download({ attachmentId, from: 0, most: undefined, of: undefined }, options)), {
      code: 'UNAVAILABLE',
      reason: '',
    });
  }
});

test('a download is a GET: of a part, if the content is still the same', async () => {
  const etag = `"${sha256(bytes).toString('hex')}"`;
  const { media, asked } = scripted(({ headers }) => {
    const said = { etag, 'content-type': 'image/png', 'content-disposition': "inline; filename*=UTF-8''a%20b%2F%C3%BC.png" };
    if (headers.range === undefined) return new Response(bytes, { headers: { ...said, 'content-length': '16' } });
    return new Response(bytes.subarray(3, 7), { status: 206, headers: { ...said, 'content-length': '4', 'content-range': 'bytes 3-6/16' } });
  });
  const whole = await all(media.download({ attachmentId, from: 0, most: undefined, of: undefined }, options));
  assert.deepEqual(whole.start.attachment, {
    id: attachmentId,
    contentType: 'image/png',
    sizeBytes: 16n,
    name: 'a b/ü.png',
    sha256: new Uint8Array(sha256(bytes)),
  });
  assert.deepEqual([whole.start.offset, whole.start.length, whole.bytes], [0n, 16n, bytes]);
  const part = await all(media.download({ attachmentId, from: 3, most: 4, of: sha256(bytes) }, options));
  assert.deepEqual([part.start.offset, part.start.length, part.start.attachment?.sizeBytes, part.bytes], [3n, 4n, 16n, bytes.subarray(3, 7)]);
  assert.deepEqual([asked[1]?.headers.range, asked[1]?.headers['if-range']], ['bytes=3-6', etag]);
});

test('a content that ends too early is cut, and a refusal has its reason', async () => {
  const short = scripted(() => new Response(bytes.subarray(0, 9), { headers: { 'content-length': '16' } }));
  await assert.rejects(all(short.media.download({ attachmentId, from: 0, most: undefined, of: undefined }, options)), { code: 'UNAVAILABLE' });
  const refused = scripted(() => refusal(404, 'not_found', 'ATTACHMENT_UNKNOWN'));
  const download = all(refused.media.download({ attachmentId, from: 0, most: undefined, of: undefined }, options));
  await assert.rejects(download, { code: 'NOT_FOUND', reason: 'ATTACHMENT_UNKNOWN' });
});

test('bytes are hashed as Node does', async () => {
  const hash = scripted(() => new Response()).media.sha256();
  for await (const piece of inPieces(bytes, 3)) hash.update(piece);
  assert.deepEqual(Buffer.from(await hash.digest()), sha256(bytes));
});
