// Attachments of src/client against a real server, by each of its transports: sent in a message, cut, resumed, downloaded.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { textContent } from '../../src/client/chat/text-content.ts';
import { type Client, openClient } from '../../src/client/client.ts';
import { bytesContent, type Content } from '../../src/client/media/content.ts';
import { memoryTokenStore } from '../../src/client/session.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { jpeg, type MediaServer, openMediaServer, sha256 } from '../media/media-calls.ts';
import { openLinkTo, transportsTo } from '../support/client/client-link.ts';
import { until } from '../support/time/until.ts';

let server: MediaServer;
let link: Awaited<ReturnType<typeof openLinkTo>>;
before(async () => {
  server = await openMediaServer();
  link = await openLinkTo(server);
});
after(async () => {
  await link?.close();
  await server?.close();
});

const { 'gRPC of nice-grpc': byStreams, 'Connect over fetch': byRequests } = transportsTo(() => server);
const transports = { 'gRPC of nice-grpc': byStreams, 'PUT and GET over fetch': byRequests } as const;

async function open(user: string, by: keyof typeof transports): Promise<Client & AsyncDisposable> {
  const client = openClient({
    transport: transports[by](link.port),
    tokens: memoryTokenStore(),
    clock: systemClock,
    random: () => 0.5,
  });
  const device = { platform: 'ios', name: 'a test', installationId: '' };
  await client.session.signIn({ identity: { $case: 'dev', value: { user, scopes: [] } }, device });
  return { ...client, [Symbol.asyncDispose]: async () => client.close() };
}

async function read({ media }: Client, attachmentId: string, wish: { readonly from?: number; readonly most?: number; readonly kept?: Content } = {}) {
  const pieces: Uint8Array[] = [];
  const attachment = await media.download({ attachmentId, ...wish, write: (bytes) => void pieces.push(bytes) });
  return { attachment, bytes: Buffer.concat(pieces) };
}

for (const [number, by] of (Object.keys(transports) as (keyof typeof transports)[]).entries()) {
  const [ann, bob] = [`ann-media-${number}`, `bob-media-${number}`];
  const content = jpeg(200_000);
  for (let i = 11; i < content.length; i++) content[i] = i % 251;

  test(`${by}: an attachment is uploaded, sent in a message, and downloaded in whole and in part by who gets it`, async () => {
    const conversationId = await server.group(ann, bob);
    await using one = await open(ann, by);
    await using two = await open(bob, by);
    const attachmentId = randomUUID();
    const progress: number[] = [];
    const onProgress = (sent: number) => progress.push(sent);
    const wish = { attachmentId, conversationId, content: bytesContent(content), name: 'Straße.jpg', onProgress };
    const uploaded = await one.media.upload(wish);
    assert.deepEqual([uploaded.id, uploaded.contentType, uploaded.sizeBytes, uploaded.name], [attachmentId, 'image/jpeg', 200_000n, 'Straße.jpg']);
    assert.deepEqual([progress[0], progress.at(-1)], [0, 200_000]);
    for (const { chat } of [one, two]) chat.dispatch({ type: 'start' });
    const what = { $case: 'message', value: { content: textContent('see', [attachmentId]), replyToSeq: 0n } } as const;
    one.chat.dispatch({ type: 'post', request: { conversationId, entry: { clientId: randomUUID(), what } } });
    const received = () =>
      two.chat.state.conversations.get(conversationId)?.events.flatMap((event) => (event.what?.$case === 'message' ? [event.what.value] : [])) ?? [];
    await until('it came', () => received().length === 1);
    const [shown] = received()[0]?.content?.attachments ?? [];
    assert.deepEqual([shown?.id, shown?.contentType, shown?.sizeBytes], [attachmentId, 'image/jpeg', 200_000n]);
    const whole = await read(two, attachmentId);
    assert.deepEqual([whole.attachment.name, whole.attachment.contentType, whole.bytes.equals(content)], ['Straße.jpg', 'image/jpeg', true]);
    assert.deepEqual(Buffer.from(whole.attachment.sha256), sha256(content));
    assert.ok((await read(two, attachmentId, { from: 70_000, most: 5 })).bytes.equals(content.subarray(70_000, 70_005)));
    const rest = await read(two, attachmentId, { kept: bytesContent(content.subarray(0, 120_000)) });
    assert.ok(rest.bytes.equals(content.subarray(120_000)));
    const { path } = await two.media.link(attachmentId);
    assert.equal((await fetch(server.url + path)).status, 200);
  });

  test(`${by}: an upload of an earlier process goes on where the server says, and one that is complete is answered`, async () => {
    const conversationId = await server.group(ann, bob);
    await using client = await open(ann, by);
    const { id: attachmentId } = await server.media.upload(ann, { conversationId, content, stopAt: 100_001 });
    const opened: number[] = [];
    const noted: Content = {
      ...bytesContent(content),
      open: (offset) => {
        opened.push(offset);
        return bytesContent(content).open(offset);
      },
    };
    for (const _ of ['the rest', 'nothing more']) {
      const { sizeBytes } = await client.media.upload({ attachmentId, conversationId, content: noted, sha256: sha256(content), resumes: true });
      assert.equal(sizeBytes, 200_000n);
    }
    assert.deepEqual(opened, [100_001]);
    assert.ok((await read(client, attachmentId)).bytes.equals(content));
  });

  test(`${by}: an upload and a download go on when the network is back`, async () => {
    const conversationId = await server.group(ann, bob);
    await using client = await open(ann, by);
    let lost = false;
    const lose = async () => {
      if (lost) return;
      lost = true;
      await link.become('refused');
      client.networkLost();
    };
    const find = async () => {
      await link.become('open');
      client.networkFound();
    };
    const losing: Content = {
      sizeBytes: content.length,
      open: async function* (offset) {
        yield content.subarray(offset, 100_000);
        await lose();
        yield content.subarray(Math.max(offset, 100_000));
      },
    };
    const attachmentId = randomUUID();
    const upload = client.media.upload({ attachmentId, conversationId, content: losing, sha256: sha256(content) });
    await until('the network is lost', () => lost);
    await find();
    await upload;
    const pieces: Uint8Array[] = [];
    lost = false;
    const write = async (bytes: Uint8Array) => {
      pieces.push(bytes);
      await lose();
    };
    const download = client.media.download({ attachmentId, write });
    await until('the network is lost', () => lost);
    await find();
    await download;
    assert.ok(Buffer.concat(pieces).equals(content));
  });

  test(`${by}: what the server refuses has its reason`, async () => {
    const conversationId = await server.group(ann, bob);
    await using client = await open(ann, by);
    const attempt = (wish: { readonly content?: Content; readonly sha256?: Uint8Array; readonly conversationId?: string }) =>
      client.media.upload({ attachmentId: randomUUID(), conversationId, content: bytesContent(content), ...wish });
    await assert.rejects(attempt({ sha256: sha256(Buffer.of(1)) }), { reason: 'UPLOAD_HASH_WRONG' });
    await assert.rejects(attempt({ content: bytesContent(Buffer.from('#!/bin/sh\n')) }), { reason: 'ATTACHMENT_TYPE_REFUSED' });
    await assert.rejects(attempt({ conversationId: randomUUID() }), { reason: 'CONVERSATION_UNKNOWN' });
    await assert.rejects(read(client, randomUUID()), { code: 'NOT_FOUND', reason: 'ATTACHMENT_UNKNOWN' });
  });
}
