// Uploads that are not what they say, that stop anywhere, and many at once; stores that are full or not there.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { connect } from 'node:http2';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { Client } from 'pg';
import { protocols } from '../support/client/protocols.ts';
import { roles } from '../support/server/chat-server.ts';
import { until } from '../support/time/until.ts';
import { jpeg, type MediaServer, openMediaServer, sha256 } from './media-calls.ts';

let server: MediaServer;
before(async () => {
  server = await openMediaServer({
    settings: { 'media.sizeMax': 3_000_000, 'media.uploadsPerUser': 10, 'media.bytesPerDay': 100_000_000, 'media.idle': '2m' },
  });
});
after(() => server?.close());

async function query(text: string, ...values: unknown[]): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: server.databaseUrl });
  await client.connect();
  try {
    return (await client.query(text, values)).rows;
  } finally {
    await client.end();
  }
}

const png = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64');

test('what lies about hash, size or type is refused with its reason, and nothing of it is left', async () => {
  const { media } = server;
  const conversationId = await server.group('ann', 'bob');
  const content = jpeg(100_000);
  const lies = [
    ['UPLOAD_HASH_WRONG', { content, hash: sha256(jpeg(100_000, 8)) }],
    ['UPLOAD_SIZE_WRONG', { content, size: 99_999 }],
    ['ATTACHMENT_TOO_LARGE', { content, size: 3_000_001 }],
    ['UPLOAD_INCOMPLETE', { content, size: 100_001 }],
    ['REQUEST_INVALID', { content, size: 0 }],
    ['REQUEST_INVALID', { content, hash: Buffer.alloc(31) }],
    ['REQUEST_INVALID', { content, name: 'a/b' }],
    ['ATTACHMENT_TYPE_REFUSED', { content: Buffer.from('<html><script>alert(1)</script></html>'), name: 'photo.jpg' }],
    ['ATTACHMENT_TYPE_REFUSED', { content: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), name: 'photo.png' }],
    ['ATTACHMENT_TYPE_REFUSED', { content: Buffer.from('MZ'.padEnd(5_000, '\0')), name: 'photo.jpg' }],
    ['ATTACHMENT_TYPE_REFUSED', { content: Buffer.from('#!/bin/sh\n'), name: 'photo.jpg' }],
    ['ATTACHMENT_TYPE_REFUSED', { content: Buffer.of(0) }],
  ] as const;
  for (const [reason, lie] of lies) {
    const { id, ...came } = await media.upload('ann', { conversationId, ...lie });
    assert.equal(came.reason, reason, JSON.stringify(Object.keys(lie)));
    assert.equal((await media.download('ann', id)).reason, 'ATTACHMENT_UNKNOWN');
    const left = await query('SELECT a.id FROM chat_attachments a WHERE id = $1', id);
    assert.equal(left.length, reason === 'UPLOAD_INCOMPLETE' ? 1 : 0, reason);
  }
  const typed = await media.upload('ann', { conversationId, content: png, name: 'movie.mp4' });
  assert.equal(typed.came[0].attachment.contentType, 'image/png');
});

test('an upload that stops at any byte is resumed there', async () => {
  const { media } = server;
  const conversationId = await server.group('ann', 'bob');
  for (let stopAt = 0; stopAt <= png.length; stopAt++) {
    const first = await media.upload('ann', { conversationId, content: png, stopAt });
    if (stopAt === png.length) assert.equal(first.reason, undefined);
    else {
      assert.deepEqual([first.reason, first.metadata.offset], ['UPLOAD_INCOMPLETE', String(stopAt)]);
      const rest = await media.upload('ann', { conversationId, content: png, attachmentId: first.id, offset: stopAt });
      assert.equal(rest.came[0].attachment.contentType, 'image/png');
    }
    assert.ok((await media.download('ann', first.id)).bytes.equals(png));
  }
});

test('one upload that stops after every byte is whole in the end', async () => {
  const { media } = server;
  const conversationId = await server.group('ann', 'bob');
  const attachmentId = randomUUID();
  for (let at = 0; at < png.length; at++) {
    const { reason } = await media.upload('ann', { conversationId, content: png, attachmentId, offset: at, stopAt: at + 1 });
    assert.equal(reason, at === png.length - 1 ? undefined : 'UPLOAD_INCOMPLETE');
  }
  assert.ok((await media.download('ann', attachmentId)).bytes.equals(png));
});

test('200 uploads at once are each whole', async () => {
  const { media } = server;
  const users = Array.from({ length: 40 }, (_, i) => `user-${i}`);
  const groups = await Promise.all(users.map((user) => server.group(user, 'bob')));
  const uploads = Array.from({ length: 200 }, async (_, i) => {
    const [user = '', conversationId = ''] = [users[i % 40], groups[i % 40]];
    const content = jpeg(20_000 + i, i);
    const { id, reason } = await media.upload(user, { conversationId, content });
    assert.equal(reason, undefined);
    assert.ok((await media.download(user, id)).bytes.equals(content));
  });
  await Promise.all(uploads);
});

test('of 200 uploads of a user at once the first are taken, and the others get a reason and a time to wait', async () => {
  const conversationId = await server.group('flo', 'bob');
  const headers = await server.headersOf('flo');
  const content = jpeg(1_000);
  const session = connect(server.url, { ca: server.ca });
  let refusals = 0;
  /** A PUT that has sent its first half. */
  const begin = () => {
    const path = `/media/${randomUUID()}?conversation=${conversationId}&sha256=${sha256(content).toString('hex')}`;
    const stream = session.request({ ':method': 'PUT', ':path': path, ...headers, 'content-length': content.length });
    const put = { stream, status: 0, body: '', closed: once(stream, 'close') };
    stream.on('error', () => {}); // what is refused needs no second half
    stream.on('response', (received) => {
      put.status = Number(received[':status']);
    });
    stream.setEncoding('utf8').on('data', (text: string) => {
      put.body += text;
    });
    stream.once('end', () => {
      if (put.status !== 200) refusals++;
    });
    stream.write(content.subarray(0, 500));
    return put;
  };
  const puts = Array.from({ length: 200 }, begin);
  await until('all but ten are refused', () => refusals === 190);
  const [taken, others] = [puts.filter(({ status }) => status === 0), puts.filter(({ status }) => status !== 0)];
  assert.equal(taken.length, 10);
  for (const { status, body } of others) {
    const details = (JSON.parse(body) as { readonly details: readonly { readonly debug: Record<string, unknown> }[] }).details;
    assert.equal(status, 429);
    for (const part of [{ reason: 'UPLOADS_TOO_MANY' }, { retryDelay: '5s' }])
      assert.ok(
        details.some(({ debug }) => Object.entries(part).every(([name, value]) => debug[name] === value)),
        body,
      );
  }
  for (const { stream, closed } of taken) {
    stream.end(content.subarray(500));
    await closed;
  }
  assert.deepEqual(
    taken.map(({ status }) => status),
    Array.from({ length: 10 }, () => 200),
  );
  session.close();
  assert.equal((await server.media.upload('flo', { conversationId, content })).reason, undefined);
});

test('a user has a bounded number of unfinished uploads, and of bytes in a day', async () => {
  const { media } = server;
  const conversationId = await server.group('cleo', 'bob');
  for (let i = 0; i < 10; i++)
    assert.equal((await media.upload('cleo', { conversationId, content: jpeg(1_000), stopAt: 500 })).reason, 'UPLOAD_INCOMPLETE');
  const more = await media.upload('cleo', { conversationId, content: jpeg(1_000) });
  assert.deepEqual([more.reason, more.metadata.most], ['UPLOADS_TOO_MANY', '10']);
  await query(`UPDATE media_usage SET bytes = 99999500 WHERE owner_id = 'dan'`);
  const other = await server.group('dan', 'bob');
  assert.equal((await media.upload('dan', { conversationId: other, content: jpeg(100) })).reason, undefined);
  await query(`UPDATE media_usage SET bytes = 99999500 WHERE owner_id = 'dan'`);
  const beyond = await media.upload('dan', { conversationId: other, content: jpeg(1_000) });
  assert.deepEqual([beyond.reason, beyond.metadata.most], ['UPLOADS_TOO_MANY', '100000000']);
  assert.equal(
    String((await query('SELECT bytes FROM media_usage WHERE owner_id = $1', 'dan'))[0]?.bytes),
    '99999500',
    'what was refused does not count',
  );
});

for (const protocol of protocols)
  test(`${protocol}: strangers, former members and those who may not see the message get nothing`, async () => {
    const { media } = server;
    const [owner, friend, eve, late, hater] = ['owner', 'friend', 'eve', 'late', 'hater'].map((name) => `${name}-${randomUUID()}`) as [
      string,
      string,
      string,
      string,
      string,
    ];
    const conversationId = await server.group(owner, friend, hater);
    const id = await media.attach(owner, conversationId);
    const reasonOf = async (user: string, attachmentId = id) => (await media.download(user, attachmentId, undefined, protocol)).reason;
    assert.equal(await reasonOf(friend), 'ATTACHMENT_UNKNOWN', 'it is in no message yet');
    assert.equal(await reasonOf(owner), undefined);
    const sent = await media.send(owner, conversationId, [id]);
    assert.equal(sent.reason, undefined);
    assert.equal(await reasonOf(friend), undefined);
    assert.equal(await reasonOf(eve), 'ATTACHMENT_UNKNOWN');
    assert.equal(await reasonOf(''), 'TOKEN_MISSING');
    await server.call(owner, 'ChangeMembers', { conversationId, changes: [{ userId: late, role: roles.member }] });
    assert.equal(await reasonOf(late), 'ATTACHMENT_UNKNOWN', 'it was sent before');
    await query('INSERT INTO chat_blocks VALUES ($1, $2)', hater, owner);
    assert.equal(await reasonOf(hater), 'ATTACHMENT_UNKNOWN', 'its sender is blocked');
    for (const name of ['GetUpload', 'CreateLink'])
      assert.equal((await media.try(eve, name, { attachmentId: id }, protocol)).reason, 'ATTACHMENT_UNKNOWN');
    assert.equal((await media.upload(eve, { conversationId, content: jpeg(100) }, protocol)).reason, 'CONVERSATION_UNKNOWN');
    assert.equal(
      (await media.upload(eve, { conversationId: await server.group(eve, friend), content: jpeg(100), attachmentId: id }, protocol)).reason,
      'UPLOAD_ID_REUSED',
    );
    await server.call(friend, 'LeaveConversation', { conversationId });
    assert.equal(await reasonOf(friend), 'ATTACHMENT_UNKNOWN');
    assert.equal((await media.upload(friend, { conversationId, content: jpeg(100) }, protocol)).reason, 'CONVERSATION_UNKNOWN');
    const what = { case: 'delete', value: { targetSeq: sent.came.posted.seq } };
    await server.call(owner, 'Post', { conversationId, entry: { clientId: randomUUID(), what } });
    assert.equal(await reasonOf(owner), 'ATTACHMENT_UNKNOWN', 'the message is deleted for all');
  });

test('a second call for an upload ends the first, which stores nothing any more', async () => {
  const { media } = server;
  const conversationId = await server.group('ann', 'bob');
  const content = jpeg(2_000_000);
  const attachmentId = randomUUID();
  const calls = Array.from({ length: 4 }, () => media.upload('ann', { conversationId, content, attachmentId, chunkBytes: 10_000 }));
  const reasons = (await Promise.all(calls)).map(({ reason }) => reason);
  for (const reason of reasons) assert.ok([undefined, 'UPLOAD_DISPLACED', 'UPLOAD_OFFSET_WRONG'].includes(reason), reason);
  const { came } = await media.try('ann', 'GetUpload', { attachmentId });
  if (came[0].attachment === undefined) {
    const rest = await media.upload('ann', { conversationId, content, attachmentId, offset: Number(came[0].offset) });
    assert.equal(rest.reason, undefined);
  }
  assert.ok((await media.download('ann', attachmentId)).bytes.equals(content));
});

test('a store that is not there is a fault with a reason, and an upload goes on when it is back', async () => {
  const { media } = server;
  const conversationId = await server.group('ann', 'bob');
  const folder = join(server.dataDir, 'media');
  const id = await media.attach('ann', conversationId);
  await media.send('ann', conversationId, [id]);
  const content = jpeg(1_000);
  const attachmentId = `ffff${randomUUID().slice(4)}`;
  rmSync(join(folder, 'ff'), { recursive: true, force: true });
  writeFileSync(join(folder, 'ff'), 'no folder'); // root may write anywhere, so permissions would stop nobody
  const down = await media.upload('ann', { conversationId, content, attachmentId });
  assert.equal(down.reason, 'MEDIA_DOWN');
  rmSync(join(folder, 'ff'));
  assert.equal((await media.upload('ann', { conversationId, content, attachmentId })).reason, undefined);
  rmSync(join(folder, id.slice(0, 2)), { recursive: true });
  assert.equal((await media.download('bob', id)).reason, 'ATTACHMENT_LOST');
  assert.ok(existsSync(folder) && readdirSync(folder).length > 0);
});

test('a full disk is a fault with a reason; what was stored before is kept, and the rest of it leaves nothing', async (t) => {
  const { media } = server;
  const conversationId = await server.group('ann', 'bob');
  const content = jpeg(500_000);
  const attachmentId = randomUUID();
  const kept = await media.upload('ann', { conversationId, content, attachmentId, stopAt: 200_000 });
  assert.equal(kept.metadata.offset, '200000');
  const handle = await open(join(server.dataDir, 'probe'), 'w');
  await handle.close();
  let room = 100_000;
  const write = Object.getPrototypeOf(handle).writev;
  const full = t.mock.method(Object.getPrototypeOf(handle), 'writev', async function (this: unknown, chunks: readonly Buffer[]) {
    if (room === 0) throw Object.assign(new Error('ENOSPC: no space left on device, writev'), { code: 'ENOSPC' });
    const some = Buffer.concat(chunks).subarray(0, room);
    room -= some.length;
    return write.call(this, [some]); // a disk takes what still fits
  });
  assert.equal((await media.upload('ann', { conversationId, content, attachmentId, offset: 200_000 })).reason, 'MEDIA_FULL');
  full.mock.restore();
  const { came } = await media.try('ann', 'GetUpload', { attachmentId });
  assert.equal(came[0].offset, 200_000n);
  const files = readdirSync(join(server.dataDir, 'media', attachmentId.slice(0, 2), attachmentId));
  assert.equal(files.length, 1, files.join());
  assert.equal((await media.upload('ann', { conversationId, content, attachmentId, offset: 200_000 })).reason, undefined);
  assert.ok((await media.download('ann', attachmentId)).bytes.equals(content));
});
