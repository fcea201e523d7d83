import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { protocols } from '../support/client/protocols.ts';
import { jpeg, type MediaServer, openMediaServer, sha256 } from './media-calls.ts';

let server: MediaServer;
before(async () => {
  server = await openMediaServer();
});
after(() => server.close());

for (const protocol of protocols)
  test(`${protocol}: what is uploaded is sent in a message, and members download it in whole and in part`, async () => {
    const { media } = server;
    const id = await server.group('alice', 'bob');
    const content = jpeg(200_000);
    const uploaded = await media.upload('alice', { conversationId: id, content, name: 'Straße.jpg' }, protocol);
    assert.equal(uploaded.reason, undefined);
    const { contentType, sizeBytes, name, sha256: hash } = uploaded.came[0].attachment;
    assert.deepEqual([contentType, sizeBytes, name], ['image/jpeg', 200_000n, 'Straße.jpg']);
    assert.deepEqual(Buffer.from(hash), sha256(content));
    assert.equal((await media.send('alice', id, [uploaded.id])).reason, undefined);

    const history = await server.call('bob', 'GetHistory', { conversationId: id, limit: 10 }, protocol);
    const [shown] = history.events.at(-1).what.value.content.attachments;
    assert.deepEqual([shown.id, shown.contentType, shown.sizeBytes], [uploaded.id, 'image/jpeg', 200_000n]);

    const whole = await media.download('bob', uploaded.id, undefined, protocol);
    assert.deepEqual([whole.reason, whole.start.offset, whole.start.length], [undefined, 0n, 200_000n]);
    assert.ok(whole.bytes.equals(content));
    const part = await media.download('bob', uploaded.id, { part: { case: 'from', value: 70_000n }, most: 5n }, protocol);
    assert.deepEqual([part.start.offset, part.start.length, part.bytes.equals(content.subarray(70_000, 70_005))], [70_000n, 5n, true]);
  });

test('an upload that stops is resumed where the server says', async () => {
  const { media } = server;
  const conversationId = await server.group('alice', 'bob');
  const content = jpeg(150_000);
  const first = await media.upload('alice', { conversationId, content, stopAt: 100_001 });
  assert.equal(first.reason, 'UPLOAD_INCOMPLETE');
  assert.equal(first.metadata.offset, '100001');
  const state = await media.try('alice', 'GetUpload', { attachmentId: first.id });
  assert.deepEqual([state.came[0].offset, state.came[0].sizeBytes, state.came[0].attachment], [100_001n, 150_000n, undefined]);
  const wrong = await media.upload('alice', { conversationId, content, attachmentId: first.id, offset: 7 });
  assert.deepEqual([wrong.reason, wrong.metadata.offset], ['UPLOAD_OFFSET_WRONG', '100001']);
  const rest = await media.upload('alice', { conversationId, content, attachmentId: first.id, offset: 100_001 });
  assert.equal(rest.reason, undefined);
  assert.ok((await media.download('alice', first.id)).bytes.equals(content));
});

test('an attachment is for one message of its sender, in its conversation', async () => {
  const { media } = server;
  const [here, there] = [await server.group('alice', 'bob'), await server.group('alice', 'bob')];
  const id = await media.attach('alice', here);
  assert.equal((await media.send('alice', there, [id])).reason, 'ATTACHMENT_UNUSABLE');
  assert.equal((await media.send('bob', here, [id])).reason, 'ATTACHMENT_UNUSABLE');
  assert.equal((await media.send('alice', here, [randomUUID()])).reason, 'ATTACHMENT_UNUSABLE');
  assert.equal((await media.send('alice', here, [id, id])).reason, 'REQUEST_INVALID');
  const clientId = randomUUID();
  assert.equal((await media.send('alice', here, [id], clientId)).reason, undefined);
  assert.equal((await media.send('alice', here, [id], clientId)).came.posted.repeated, true);
  assert.equal((await media.send('alice', here, [id])).reason, 'ATTACHMENT_UNUSABLE');
});
