// Attachments in a bucket of a real server that speaks S3.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { bucketBlobs } from '../../src/core/adapters/blobs/bucket-blobs.ts';
import { blobsContract } from '../contracts/blobs.ts';
import { isFault } from '../support/is-fault.ts';
import { openS3Server, type S3Server } from '../support/s3/s3-server.ts';
import { jpeg, type MediaServer, openMediaServer } from './media-calls.ts';

let s3: S3Server;
before(async () => {
  s3 = await openS3Server();
});
after(() => s3?.close());

blobsContract('bucket', async () => {
  const { close, ...blobs } = bucketBlobs(await s3.bucket(`b-${randomUUID()}`));
  return { blobs, [Symbol.asyncDispose]: async () => close() };
});

test('bucket: one that is not there, and a server that is not, are faults of the store', async () => {
  const place = await s3.bucket(`b-${randomUUID()}`);
  for (const gone of [
    { ...place, name: 'none-such' },
    { ...place, endpoint: 'http://127.0.0.1:9' },
  ]) {
    const { close, ...blobs } = bucketBlobs(gone);
    const writer = await blobs.create('aa/0-x');
    await writer.write(Buffer.from('abc'));
    await assert.rejects(writer.finish(), isFault('MEDIA_DOWN'));
    await assert.rejects(blobs.read('aa/0-x', 0, 1)[Symbol.asyncIterator]().next(), isFault('MEDIA_DOWN'));
    await assert.rejects(blobs.list('', 1), isFault('MEDIA_DOWN'));
    close();
  }
});

async function bucketServer(shared?: Pick<MediaServer, 'databaseUrl' | 'dataDir' | 'redis'>, place?: Awaited<ReturnType<S3Server['bucket']>>) {
  const { name, prefix, region, endpoint, credentials } = place ?? (await s3.bucket(`b-${randomUUID()}`));
  const settings = {
    'media.bucket.name': name,
    'media.bucket.prefix': prefix,
    'media.bucket.region': region,
    'media.bucket.endpoint': endpoint,
    'media.bucket.pathStyle': true,
    'media.bucket.accessKeyId': credentials?.accessKeyId,
    'media.bucket.secretAccessKey': credentials?.secretAccessKey,
  };
  return openMediaServer({ settings, ...(shared && { shared }) });
}

test('an upload that was cut goes on at another replica, and is downloaded from either', async () => {
  const place = await s3.bucket(`b-${randomUUID()}`);
  await using one = await bucketServer(undefined, place);
  await using other = await bucketServer(one, place);
  const conversationId = await one.group('alice', 'bob');
  const content = jpeg(3_500_000);
  const cut = await one.media.upload('alice', { conversationId, content, stopAt: 2_345_678 });
  assert.deepEqual([cut.reason, cut.metadata.offset], ['UPLOAD_INCOMPLETE', '2345678']);
  const rest = await other.media.upload('alice', { conversationId, content, attachmentId: cut.id, offset: 2_345_678 });
  assert.equal(rest.reason, undefined);
  assert.equal((await other.media.send('alice', conversationId, [cut.id])).reason, undefined);
  for (const server of [one, other]) assert.ok((await server.media.download('bob', cut.id)).bytes.equals(content));
  const part = await one.media.download('bob', cut.id, { part: { case: 'from', value: 1_048_570n }, most: 20n });
  assert.ok(part.bytes.equals(content.subarray(1_048_570, 1_048_590)));
});
