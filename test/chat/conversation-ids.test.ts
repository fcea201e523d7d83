// Conversations as clients and services name them: in any spelling of a UUID, and with nothing to learn from one that
// is not theirs.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { type DescMessage, getOption, hasOption } from '@bufbuild/protobuf';
import { field as rules } from '@bufbuild/protovalidate/gen/buf/validate/validate_pb.js';
import { Client } from 'pg';
import { syncPointOf, syncTokenOf } from '../../src/core/services/chat/resume-chat.ts';
import { jpeg, mediaCalls } from '../media/media-calls.ts';
import type { ChatClient } from '../support/client/chat-client.ts';
import { callOf, signIn, transportOf } from '../support/client/protocols.ts';
import { type ChatServer, chatRegistry, openChatServer, roles, textEntry } from '../support/server/chat-server.ts';

let server: ChatServer;
before(async () => {
  server = await openChatServer({ settings: { 'upstreams.hook.address': '127.0.0.1:1', 'chat.reports.upstream': 'hook' } }); // nobody listens there: reports wait
});
after(() => server?.close());

type Members = { readonly id: string; readonly capitals: string; readonly ann: string; readonly bob: string; readonly live: ChatClient };

async function asService(method: string, request: Record<string, unknown>): Promise<void> {
  const headers = { authorization: `Bearer ${await server.portico.serviceToken('orders', 60_000)}` };
  const transport = transportOf('grpc h2', { url: server.internalUrl, ca: server.ca });
  const { reason } = await callOf(chatRegistry, transport, `portico.internal.v1.ConversationService/${method}`, request, { headers });
  assert.equal(reason, undefined);
}

/** By the message that has the id: what must happen when it is in capitals. Bob's stream is open. */
const cases: Readonly<Record<string, (on: Members) => Promise<void>>> = {
  'portico.v1.ChatPosition': async ({ id, capitals, bob, live }) => {
    const [position] = live.positions();
    const again = await server.connect(bob, { positions: [{ ...position, conversationId: capitals }], ownSeq: live.ownSeq() });
    await again.wait('caughtUp');
    assert.deepEqual([again.all('left'), again.all('conversation'), again.events(id)], [[], [], []]);
  },
  'portico.v1.PostRequest': async ({ id, capitals, ann, live }) => {
    await server.call(ann, 'Post', { conversationId: capitals, entry: textEntry('by Post') });
    const sender = await server.connect(ann);
    await sender.wait('caughtUp');
    sender.send({ case: 'post', value: { conversationId: capitals, entry: textEntry('by stream') } });
    assert.equal((await sender.wait('posted')).conversationId, id);
    await live.upTo(id, 4);
    assert.deepEqual(live.texts(id), ['first', 'by Post', 'by stream']);
  },
  'portico.v1.Typing': async ({ id, capitals, ann, live }) => {
    const other = await server.connect(ann);
    await other.wait('caughtUp');
    other.send({ case: 'typing', value: { conversationId: capitals } });
    assert.equal((await live.wait('typing')).conversationId, id);
  },
  'portico.v1.Looking': async ({ id, capitals, ann, live }) => {
    const other = await server.connect(ann);
    await other.wait('caughtUp');
    live.send({ case: 'looking', value: { conversationIds: [id] } });
    other.send({ case: 'looking', value: { conversationIds: [capitals] } });
    assert.equal((await live.wait('presence')).conversationId, id);
  },
  'portico.v1.MarkReceivedRequest': async ({ id, capitals, ann, live }) => {
    await server.call(ann, 'MarkReceived', { conversationId: capitals, deliveredSeq: 1n });
    assert.equal((await live.wait('receipt')).conversationId, id);
    live.send({ case: 'received', value: { conversationId: capitals, deliveredSeq: 2n, readSeq: 2n } });
    assert.deepEqual((await live.wait('conversation', 2)).conversation?.own?.readSeq, 2n);
  },
  'portico.v1.GetHistoryRequest': async ({ capitals, bob }) => {
    assert.equal((await server.call(bob, 'GetHistory', { conversationId: capitals })).events.length, 2);
  },
  'portico.v1.SearchMessagesRequest': async ({ capitals, bob }) => {
    assert.equal((await server.call(bob, 'SearchMessages', { conversationId: capitals, query: 'first' })).events.length, 1);
  },
  'portico.v1.ReportMessageRequest': async ({ capitals, bob }) => {
    const safety = 'portico.v1.SafetyService/ReportMessage';
    const options = { headers: await server.headersOf(bob) };
    const { reason } = await callOf(chatRegistry, transportOf('grpc h2', server), safety, { conversationId: capitals, seq: 2n, reason: 1 }, options);
    assert.equal(reason, undefined);
  },
  'portico.v1.ListMembersRequest': async ({ capitals, bob }) => {
    assert.equal((await server.call(bob, 'ListMembers', { conversationId: capitals })).members.length, 2);
  },
  'portico.v1.ChangeMembersRequest': async ({ id, capitals, ann, live }) => {
    await server.call(ann, 'ChangeMembers', { conversationId: capitals, changes: [{ userId: `dan-${id}`, role: roles.member }] });
    await live.upTo(id, 3);
  },
  'portico.v1.LeaveConversationRequest': async ({ id, capitals, bob, live }) => {
    await server.call(bob, 'LeaveConversation', { conversationId: capitals });
    assert.equal((await live.wait('left')).conversationId, id);
  },
  'portico.v1.MuteConversationRequest': async ({ capitals, bob, live }) => {
    await server.call(bob, 'MuteConversation', { conversationId: capitals, until: { seconds: 1_900_000_000n, nanos: 0 } });
    assert.equal((await live.wait('conversation', 2)).conversation?.own?.mutedUntil?.getTime(), 1_900_000_000_000);
  },
  'portico.v1.HideMessageRequest': async ({ capitals, bob, live }) => {
    await server.call(bob, 'HideMessage', { conversationId: capitals, seq: 2n });
    assert.deepEqual((await live.wait('conversation', 2)).conversation?.own?.hiddenSeqs, [2n]);
  },
  'portico.internal.v1.SetMembersRequest': async ({ capitals, bob, live }) => {
    await asService('SetMembers', { conversationId: capitals, changes: [{ userId: bob, role: roles.none }] });
    await live.wait('left');
  },
  'portico.internal.v1.SayRequest': async ({ id, capitals, live }) => {
    await asService('Say', { conversationId: capitals, clientId: randomUUID(), content: { text: 'by a service' } });
    await live.upTo(id, 3);
  },
  'portico.v1.UploadStart': async ({ id, capitals, ann, bob }) => {
    const media = mediaCalls(server);
    const attachmentId = randomUUID();
    const wish = { content: jpeg(100), attachmentId: attachmentId.toUpperCase(), conversationId: capitals };
    assert.equal((await media.upload(ann, wish)).came[0].attachment.id, attachmentId);
    assert.equal((await media.send(ann, id, [attachmentId])).reason, undefined);
    assert.equal((await media.download(bob, attachmentId)).reason, undefined);
  },
  'portico.v1.Attachment': async ({ id, ann }) => {
    const attachmentId = await mediaCalls(server).attach(ann, id);
    assert.equal((await mediaCalls(server).send(ann, id, [attachmentId.toUpperCase()])).reason, undefined);
  },
  ...Object.fromEntries(
    (['GetUpload', 'Download', 'CreateLink', 'DownloadByLink'] as const).map((name) => [
      `portico.v1.${name}Request`,
      async ({ id, ann }: Members) => {
        const media = mediaCalls(server);
        const attachmentId = await media.attach(ann, id);
        const { came } = await media.try(ann, 'CreateLink', { attachmentId });
        const link = name === 'DownloadByLink' ? { link: came[0].path.split('link=')[1] } : {};
        assert.equal((await media.try(ann, name, { attachmentId: attachmentId.toUpperCase(), ...link })).reason, undefined);
      },
    ]),
  ),
  'portico.v1.RevokeDeviceRequest': async ({ bob }) => {
    const [one, other] = [await signIn(server, chatRegistry, bob), await signIn(server, chatRegistry, bob)];
    const at = transportOf('grpc h2', server);
    const call = (method: string, request: Record<string, unknown>, { headers }: typeof one) =>
      callOf(chatRegistry, at, method, request, { headers });
    const { messages } = await call('portico.v1.SessionService/ListDevices', {}, one);
    const device = ((messages[0]?.devices ?? []) as { sessionId: string; current: boolean }[]).find(({ current }) => current);
    await call('portico.v1.SessionService/RevokeDevice', { sessionId: device?.sessionId.toUpperCase() }, other);
    assert.equal((await call('portico.v1.ChatService/ListConversations', {}, one)).reason, 'SESSION_REVOKED');
  },
};

/** Messages with a field that takes a UUID in any spelling. */
function withUuids(type: DescMessage, seen: Set<DescMessage> = new Set()): readonly string[] {
  if (seen.has(type)) return [];
  seen.add(type);
  const own = type.fields.some((each) => {
    const { type } = hasOption(each, rules) ? getOption(each, rules) : {};
    const rule = type?.case === 'repeated' ? type.value.items?.type : type;
    return rule?.case === 'string' && rule.value.wellKnown.case === 'uuid';
  });
  return [...(own ? [type.typeName] : []), ...type.fields.flatMap(({ message }) => (message === undefined ? [] : withUuids(message, seen)))];
}

test('each field that takes a UUID has a case below', () => {
  const services = [...chatRegistry].filter((each) => each.kind === 'service' && each.typeName.startsWith('portico.'));
  const found = services.flatMap((service) => (service.kind === 'service' ? service.methods.flatMap(({ input }) => withUuids(input)) : []));
  assert.deepEqual([...new Set(found)].sort(), Object.keys(cases).sort());
});

for (const [message, check] of Object.entries(cases))
  test(`${message} means the same UUID in capitals`, async () => {
    const [ann, bob] = [`ann-${randomUUID()}`, `bob-${randomUUID()}`];
    const id = await server.group(ann, bob);
    await server.post(ann, id, 'first');
    const live = await server.connect(bob);
    await live.wait('caughtUp');
    await check({ id, capitals: id.toUpperCase(), ann, bob, live });
    live.cut();
  });

test('a made-up token does not say whether a conversation of others exists, nor what happens in one that was left', async () => {
  const [ann, bob, eve] = ['ann-oracle', 'bob-oracle', 'eve-oracle'];
  const [own, theirs, left] = [await server.group(eve, ann), await server.group(ann, bob), await server.group(ann, eve)];
  await server.call(eve, 'LeaveConversation', { conversationId: left });
  for (let n = 0; n < 3; n++) await server.post(ann, left, 'secret');
  const first = await server.connect(eve);
  const { syncToken } = await first.wait('caughtUp');
  first.cut();
  const point = syncPointOf(syncToken);
  const isReset = async (conversationId: string, seq: number, eventId: string = randomUUID()) => {
    const client = await server.connect(eve, {
      syncToken: syncTokenOf({ ...point, newest: { conversationId, seq, eventId } }),
      ownSeq: first.ownSeq(),
    });
    await client.wait('caughtUp');
    client.cut();
    return client.all('syncReset').length === 1;
  };
  const answers = async (conversationId: string, seqs: readonly number[]) => Promise.all(seqs.map((seq) => isReset(conversationId, seq)));
  const seqs = [0, 1, 2, 4, 99];
  assert.deepEqual(await answers(theirs, seqs), await answers(randomUUID(), seqs));
  assert.deepEqual(new Set(await answers(left, [3, 4, 5, 6, 99])), new Set([true]), 'events after the end are as if there were none');
  const database = new Client({ connectionString: server.databaseUrl });
  await database.connect();
  const { rows } = await database.query('SELECT seq, event_id FROM chat_events WHERE conversation_id = $1 ORDER BY seq', [theirs]);
  await database.end();
  assert.equal(await isReset(theirs, Number(rows[0].seq), rows[0].event_id), true);
  assert.equal(await isReset(own, point.newest?.seq ?? 0, point.newest?.eventId), false);
});
