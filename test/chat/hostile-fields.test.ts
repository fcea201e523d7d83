// Every field of every unary request, with what no client of ours would send: each gets an answer that blames the client.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { type Init, variants } from '../support/client/hostile-variants.ts';
import { callOf, keptTransports, type ProtocolName } from '../support/client/protocols.ts';
import { scraped } from '../support/client/scrape.ts';
import { type ChatServer, chatRegistry, kinds, openChatServer, roles } from '../support/server/chat-server.ts';

let server: ChatServer;
let conversationId: string;
before(async () => {
  server = await openChatServer({ settings: { 'chat.subjects': { open: { open: 'users' } } } });
  conversationId = await server.group('ann', 'bob');
  for (let i = 0; i < 3; i++) await server.post('ann', conversationId, `message ${i}`);
});
after(() => server?.close());

/** A good request of each method. What is posted has another id each time. */
const requests = (): Readonly<Record<string, readonly Init[]>> => ({
  'portico.v1.ChatService/CreateConversation': [
    { kind: kinds.group, userIds: ['bob'], title: 'Crew', clientId: randomUUID(), subject: 'open:1' },
    { kind: kinds.direct, userIds: ['bob'], title: '', clientId: randomUUID(), subject: '' },
  ],
  'portico.v1.ChatService/ListConversations': [{ pageSize: 5, pageToken: '' }],
  'portico.v1.ChatService/GetHistory': [{ conversationId, pageSize: 5, pageToken: '', fromSeq: 1n }],
  'portico.v1.ChatService/Post': [
    ['message', { content: { text: 'Hi', data: Uint8Array.of(1) }, replyToSeq: 2n }],
    [
      'message',
      { content: { text: 'Hi', attachments: [{ id: randomUUID(), contentType: 'a/b', sizeBytes: 1n, name: 'a', sha256: Uint8Array.of(1) }] } },
    ],
    ['edit', { targetSeq: 2n, content: { text: 'Hi', data: Uint8Array.of(1) } }],
    ['react', { targetSeq: 2n, reaction: '+1', remove: false }],
    ['delete', { targetSeq: 4n }],
  ].map(([name, value]) => ({ conversationId, entry: { clientId: randomUUID(), what: { case: name, value } } })),
  'portico.v1.ChatService/ListMembers': [{ conversationId, pageSize: 5, pageToken: '' }],
  'portico.v1.ChatService/ChangeMembers': [{ conversationId, changes: [{ userId: 'cleo', role: roles.member }] }],
  'portico.v1.ChatService/MarkReceived': [{ conversationId, deliveredSeq: 1n, readSeq: 1n }],
  'portico.v1.ChatService/MuteConversation': [{ conversationId, until: { seconds: 2_000_000_000n, nanos: 0 } }],
  'portico.v1.ChatService/HideMessage': [{ conversationId, seq: 2n }],
  'portico.v1.ChatService/Send': [{ streamId: 'a.b', n: 1n, message: { message: { case: 'heartbeat', value: {} } } }],
  'portico.internal.v1.ConversationService/Create': [
    { clientId: randomUUID(), kind: kinds.group, subject: 'order:1', title: 'Crew', members: [{ userId: 'bob', role: roles.owner }] },
  ],
  'portico.internal.v1.ConversationService/SetMembers': [{ conversationId, changes: [{ userId: 'dan', role: roles.member }] }],
  'portico.internal.v1.ConversationService/Say': [
    { conversationId, clientId: randomUUID(), bot: 'courier', content: { text: 'Hi', data: Uint8Array.of(1) }, replyToSeq: 2n },
  ],
});

/** What refuses a request by its form. */
const broken = new Set(['REQUEST_INVALID', 'CALL_MALFORMED', 'REQUEST_TOO_COMPLEX', 'REQUEST_TOO_LARGE']);
/** What blames the client. */
const blames = new Set([
  'REQUEST_INVALID',
  'CALL_MALFORMED',
  'CONVERSATION_UNKNOWN',
  'MESSAGE_UNKNOWN',
  'MESSAGE_ID_REUSED',
  'CHAT_FORBIDDEN',
  'ATTACHMENT_UNUSABLE',
  'STREAM_UNKNOWN',
  'SUBJECT_UNKNOWN',
]);
const transports = keptTransports();

for (const protocol of ['grpc h2', 'connect h2'] satisfies readonly ProtocolName[])
  test(`${protocol}: whatever stands in a field, the answer is one for the client, and never a defect`, async () => {
    const defects = () => scraped(server, 'portico_defects_total');
    const before = await defects();
    const users = await server.headersOf('ann');
    const services = { authorization: `Bearer ${await server.portico.serviceToken('orders', 600_000)}` };
    const wrong: string[] = [];
    let tried = 0;
    for (const [method, all] of Object.entries(requests())) {
      const isInner = method.startsWith('portico.internal.');
      const transport = transports(protocol, isInner ? { url: server.internalUrl, ca: server.ca } : server);
      const descriptor = chatRegistry.getService(method.split('/')[0] ?? '')?.methods.find(({ name }) => name === method.split('/')[1]);
      assert.ok(descriptor, method);
      const headers = isInner ? services : users;
      const ask = async (request: Init) => (await callOf(chatRegistry, transport, method, request, { headers, reasons: {} })).reason;
      const attempts = all.flatMap((request, i) => [...variants(descriptor.input, request)].map((variant) => ({ i, ...variant })));
      tried += attempts.length;
      const check = async ({ i, name, request, isRefused }: (typeof attempts)[number]) => {
        const reason = await ask(request);
        const isFine = reason === undefined ? !isRefused : (isRefused ? broken : blames).has(reason);
        if (!isFine) wrong.push(`${method} ${i} ${name}: ${reason}`);
      };
      // side by side: a stream that is nowhere is waited for
      for (let i = 0; i < attempts.length; i += 8) await Promise.all(attempts.slice(i, i + 8).map(check));
    }
    assert.deepEqual(wrong, []);
    assert.ok(tried > 200, `${tried} requests`);
    assert.equal(await defects(), before);
    assert.equal((await server.try('ann', 'GetHistory', { conversationId })).reason, undefined);
  });
