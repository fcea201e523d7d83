import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { type ProtocolName, protocols } from '../support/client/protocols.ts';
import { type Came, type ChatServer, kinds, openChatServer, roles, textEntry, textsOf } from '../support/server/chat-server.ts';

let server: ChatServer;
before(async () => {
  server = await openChatServer();
});
after(() => server?.close());

const seqs = (came: Came) => came.events.map(({ seq }: Came) => Number(seq));
const named = (name: string, protocol: ProtocolName) => `${name}-${protocol.replace(' ', '-')}`;

for (const protocol of protocols)
  test(`${protocol}: two users hold a conversation`, async () => {
    const [ann, bob] = [named('ann', protocol), named('bob', protocol)];
    const call = (user: string, method: string, request: Record<string, unknown>) => server.call(user, method, request, protocol);
    const made = await call(ann, 'CreateConversation', { kind: kinds.direct, userIds: [bob], clientId: 'c1' });
    const { id: conversationId } = made.conversation;
    const again = await call(bob, 'CreateConversation', { kind: kinds.direct, userIds: [ann], clientId: 'c2' });
    assert.deepEqual([made.created, again.created, again.conversation.id], [true, false, conversationId]);

    const data = Uint8Array.of(1, 2, 255);
    const entry = { clientId: 'm1', what: { case: 'message', value: { content: { text: 'Hi Bob', data } } } };
    const { posted } = await call(ann, 'Post', { conversationId, entry });
    const { posted: repeated } = await call(ann, 'Post', { conversationId, entry });
    assert.deepEqual(
      [posted.seq, posted.number, posted.repeated, repeated.seq, repeated.eventId, repeated.repeated],
      [2n, 1n, false, 2n, posted.eventId, true],
    );
    const { reason } = await server.try(ann, 'Post', { conversationId, entry: textEntry('Other', 'm1') }, protocol);
    assert.equal(reason, 'MESSAGE_ID_REUSED');

    const { conversations } = await call(bob, 'ListConversations', {});
    assert.deepEqual([conversations[0].conversation.own.unread, conversations[0].lastMessage.what.value.content.data], [1, data]);
    const { own } = await call(bob, 'MarkReceived', { conversationId, readSeq: 2n });
    assert.deepEqual([own.unread, own.readSeq, own.ownSeq, own.asOfSeq], [0, 2n, 2n, 2n]);
    const { members } = await call(ann, 'ListMembers', { conversationId });
    assert.deepEqual(
      members.map(({ userId, role, readSeq, deliveredSeq }: Came) => [userId, role, readSeq, deliveredSeq]),
      [
        [ann, roles.member, 0n, 0n],
        [bob, roles.member, 2n, 2n],
      ],
    );

    await call(bob, 'Post', { conversationId, entry: { clientId: 'r1', what: { case: 'react', value: { targetSeq: 2n, reaction: '👍' } } } });
    await call(ann, 'Post', {
      conversationId,
      entry: { clientId: 'e1', what: { case: 'edit', value: { targetSeq: 2n, content: { text: 'Hello Bob' } } } },
    });
    await call(bob, 'Post', { conversationId, entry: textEntry('Hello', 'm2') });
    await call(bob, 'Post', { conversationId, entry: { clientId: 'd1', what: { case: 'delete', value: { targetSeq: 5n } } } });
    const { events } = await call(ann, 'GetHistory', { conversationId });
    assert.deepEqual(
      events.map(({ seq, sender, what }: Came) => [seq, sender.id, what.case]),
      [
        [1n, ann, 'membersChanged'],
        [2n, ann, 'message'],
        [3n, bob, 'reacted'],
        [4n, ann, 'edited'],
        [5n, bob, 'message'],
        [6n, bob, 'deleted'],
      ],
    );
    assert.deepEqual([events[1].what.value.content.text, events[1].what.value.editedSeq, events[4].what.value.content], ['Hello Bob', 4n, undefined]);

    await call(bob, 'LeaveConversation', { conversationId });
    assert.equal((await server.try(bob, 'GetHistory', { conversationId }, protocol)).reason, 'CONVERSATION_UNKNOWN');
    const back = await call(bob, 'CreateConversation', { kind: kinds.direct, userIds: [ann], clientId: 'c3' });
    assert.deepEqual([back.created, back.conversation.id, back.conversation.membersCount], [false, conversationId, 2]);
  });

test('history goes both ways by the tokens of its pages, and from any place', async () => {
  const conversationId = await server.group('ann', 'bob');
  for (let n = 2; n <= 8; n++) await server.post('ann', conversationId, `${n}`);
  const page = (request: Record<string, unknown>) => server.call('bob', 'GetHistory', { conversationId, pageSize: 3, ...request });
  const end = await page({});
  assert.deepEqual(seqs(end), [6, 7, 8]);
  const older = await page({ pageToken: end.olderPageToken });
  const oldest = await page({ pageToken: older.olderPageToken });
  assert.deepEqual([seqs(older), seqs(oldest), oldest.olderPageToken], [[3, 4, 5], [1, 2], '']);
  const newer = await page({ pageToken: oldest.newerPageToken });
  assert.deepEqual(seqs(newer), [3, 4, 5]);
  const middle = await page({ fromSeq: 5n });
  assert.deepEqual(
    [seqs(middle), seqs(await page({ pageToken: middle.olderPageToken }))],
    [
      [5, 6, 7],
      [2, 3, 4],
    ],
  );
  const none = await page({ pageToken: end.newerPageToken });
  assert.deepEqual(seqs(none), []);
  await server.post('ann', conversationId, '9');
  assert.deepEqual(textsOf((await page({ pageToken: none.newerPageToken })).events), ['9']);
});

test('conversations and members are listed page by page', async () => {
  const users = ['pat', 'q1', 'q2', 'q3', 'q4'];
  for (let n = 0; n < 5; n++) await server.group(...users);
  const walk = async (method: string, list: string, request: Record<string, unknown>) => {
    const found: Came[] = [];
    for (let pageToken = ''; ; ) {
      const came = await server.call('pat', method, { ...request, pageSize: 2, pageToken });
      found.push(...came[list]);
      pageToken = came.nextPageToken;
      if (pageToken === '') return found;
    }
  };
  const conversations = await walk('ListConversations', 'conversations', {});
  assert.equal(new Set(conversations.map(({ conversation }) => conversation.id)).size, 5);
  const members = await walk('ListMembers', 'members', { conversationId: conversations[0].conversation.id });
  assert.deepEqual(
    members.map(({ userId }) => userId),
    users,
  );
});

test('what one user hides and mutes is so on all devices of the user, and for nobody else', async () => {
  const conversationId = await server.group('ann', 'bob');
  await server.post('ann', conversationId, 'for all');
  const { own } = await server.call('bob', 'HideMessage', { conversationId, seq: 2n });
  assert.equal(own.unread, 0);
  const until = { seconds: 1_900_000_000n, nanos: 0 };
  const muted = await server.call('bob', 'MuteConversation', { conversationId, until });
  assert.deepEqual([muted.own.mutedUntil.seconds, muted.own.ownSeq], [until.seconds, own.ownSeq + 1n]);
  const of = async (user: string) => (await server.call(user, 'GetHistory', { conversationId })).events[1].what.case;
  assert.deepEqual([await of('bob'), await of('ann')], ['hidden', 'message']);
  assert.equal((await server.call('bob', 'MuteConversation', { conversationId })).own.mutedUntil, undefined);
});

for (const protocol of protocols)
  test(`${protocol}: a stranger, a former member and one who left find no conversation, by whatever method`, async () => {
    const [ann, bob, cy] = [named('a', protocol), named('b', protocol), named('c', protocol)];
    const conversationId = await server.group(ann, bob, cy);
    await server.post(ann, conversationId, 'secret');
    await server.call(ann, 'ChangeMembers', { conversationId, changes: [{ userId: bob, role: roles.none }] }, protocol);
    await server.call(cy, 'LeaveConversation', { conversationId }, protocol);
    const tries: readonly (readonly [string, Record<string, unknown>])[] = [
      ['GetHistory', {}],
      ['GetHistory', { fromSeq: 1n }],
      ['Post', { entry: textEntry('x') }],
      ['Post', { entry: { clientId: 'x', what: { case: 'react', value: { targetSeq: 2n, reaction: '!' } } } }],
      ['Post', { entry: { clientId: 'y', what: { case: 'delete', value: { targetSeq: 2n } } } }],
      ['ListMembers', {}],
      ['ChangeMembers', { changes: [{ userId: bob, role: roles.owner }] }],
      ['LeaveConversation', {}],
      ['MarkReceived', { readSeq: 2n }],
      ['MuteConversation', {}],
      ['HideMessage', { seq: 2n }],
    ];
    for (const user of [bob, cy, named('stranger', protocol)]) {
      for (const [method, request] of tries) {
        const { reason } = await server.try(user, method, { conversationId, ...request }, protocol);
        assert.equal(reason, 'CONVERSATION_UNKNOWN', `${method} as ${user}`);
      }
      assert.deepEqual((await server.call(user, 'ListConversations', {}, protocol)).conversations, []);
    }
    for (const user of [bob, cy, named('stranger', protocol)]) {
      const stream = await server.connect(user, {}, { by: protocol });
      await stream.wait('caughtUp');
      stream.send({ case: 'typing', value: { conversationId } });
      stream.send({ case: 'received', value: { conversationId, deliveredSeq: 2n, readSeq: 2n } });
      stream.send({ case: 'post', value: { conversationId, entry: textEntry('x') } });
      assert.equal((await stream.wait('posted')).reason, 'CONVERSATION_UNKNOWN', `post on a stream of ${user}`);
      assert.deepEqual([stream.all('conversation'), stream.events(conversationId)], [[], []]);
      stream.cut();
    }
    for (const [method, request] of tries) {
      const { reason } = await server.try(ann, method, { conversationId: randomUUID(), ...request }, protocol);
      assert.equal(reason, 'CONVERSATION_UNKNOWN', `${method} of what is not there`);
    }
    assert.deepEqual(textsOf((await server.call(ann, 'GetHistory', { conversationId })).events.slice(1, 2)), ['secret']);
  });

test('only a message of the sender is edited, and roles decide the rest', async () => {
  const conversationId = await server.group('ann', 'bob', 'cy');
  await server.post('ann', conversationId, 'mine');
  const edit = { clientId: 'e', what: { case: 'edit', value: { targetSeq: 2n, content: { text: 'yours' } } } };
  const tries: readonly (readonly [string, string, Record<string, unknown>])[] = [
    ['bob', 'Post', { entry: edit }],
    ['bob', 'Post', { entry: { clientId: 'd', what: { case: 'delete', value: { targetSeq: 2n } } } }],
    ['bob', 'ChangeMembers', { changes: [{ userId: 'cy', role: roles.none }] }],
    ['bob', 'ChangeMembers', { changes: [{ userId: 'bob', role: roles.owner }] }],
  ];
  for (const [user, method, request] of tries)
    assert.equal((await server.try(user, method, { conversationId, ...request })).reason, 'CHAT_FORBIDDEN', method);
  assert.equal(
    (await server.try('bob', 'Post', { conversationId, entry: { ...edit, what: { ...edit.what, value: { ...edit.what.value, targetSeq: 99n } } } }))
      .reason,
    'MESSAGE_UNKNOWN',
  );
});

test('inputs that are none are refused with the rule that they break, and touch nothing', async () => {
  const conversationId = await server.group('ann', 'bob');
  const { posted } = { posted: await server.post('ann', conversationId, 'x') };
  const invalid: readonly (readonly [string, Record<string, unknown>])[] = [
    ['CreateConversation', { kind: kinds.direct, userIds: ['ann'], clientId: 'a' }],
    ['CreateConversation', { kind: kinds.direct, userIds: ['bob', 'cy'], clientId: 'a' }],
    ['CreateConversation', { kind: kinds.direct, userIds: ['bob'], title: 'x', clientId: 'a' }],
    ['CreateConversation', { kind: 0, userIds: ['bob'], clientId: 'a' }],
    ['CreateConversation', { kind: kinds.group, userIds: ['a\u0007'], clientId: 'a' }],
    ['CreateConversation', { kind: kinds.group, userIds: ['bob', 'bob'], clientId: 'a' }],
    ['GetHistory', { conversationId: 'nonsense' }],
    ['GetHistory', { conversationId, pageToken: '____________' }],
    ['GetHistory', { conversationId, pageToken: 'AAAA' }],
    ['GetHistory', { conversationId, fromSeq: 2n ** 63n }],
    ['ListConversations', { pageToken: '_'.repeat(30) }],
    ['ListMembers', { conversationId, pageToken: '\u0000' }],
    ['Post', { conversationId, entry: { clientId: 'x' } }],
    ['Post', { conversationId, entry: textEntry('x', '') }],
    ['Post', { conversationId, entry: textEntry('x\u0000') }],
    ['Post', { conversationId, entry: textEntry('ä'.repeat(8_193)) }],
    [
      'ChangeMembers',
      {
        conversationId,
        changes: [
          { userId: 'bob', role: 2 },
          { userId: 'bob', role: 1 },
        ],
      },
    ],
    ['ChangeMembers', { conversationId, changes: [{ userId: 'bob', role: 9 }] }],
    ['HideMessage', { conversationId, seq: 0n }],
  ];
  for (const [method, request] of invalid)
    assert.equal((await server.try('ann', method, request)).reason, 'REQUEST_INVALID', `${method} ${String(request.pageToken)}`);
  assert.equal((await server.post('ann', conversationId, 'ä'.repeat(8_192))).seq, posted.seq + 1n);
});
