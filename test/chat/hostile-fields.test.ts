// Every field of every unary request, with what no client of ours would send: each gets an answer that blames the client.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { type DescField, type DescMessage, ScalarType } from '@bufbuild/protobuf';
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

type Init = Readonly<Record<string, unknown>>;
const isInit = (value: unknown): value is Init =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);

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

const long = 'x'.repeat(20_000);
/** Values for a field; those of `refused` break a rule that every such field has. */
function hostile(field: DescField, value: unknown): { readonly refused: readonly unknown[]; readonly other: readonly unknown[] } {
  if (field.fieldKind === 'list') {
    const [first] = (value ?? []) as readonly unknown[];
    if (first === undefined) return { refused: [], other: [] };
    return { refused: [Array.from({ length: 500 }, () => first)], other: [[], [first, first]] };
  }
  if (field.fieldKind === 'enum') return { refused: [99, -1], other: [0] };
  if (field.fieldKind === 'message') return { refused: [], other: [undefined] };
  if (field.fieldKind !== 'scalar') return { refused: [], other: [] };
  switch (field.scalar) {
    case ScalarType.STRING:
      return { refused: [long, 'a\0b'], other: ['', ' ', '%00', '\u202e', '\ufeff', "'; --", 'A'.repeat(36), randomUUID(), 'ä'.repeat(80)] };
    case ScalarType.BYTES:
      return { refused: [new Uint8Array(20_000)], other: [new Uint8Array(0), Uint8Array.of(0, 255)] };
    case ScalarType.UINT64:
      return { refused: [], other: [0n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n] };
    case ScalarType.INT64:
      return { refused: [], other: [-(2n ** 63n), 2n ** 63n - 1n, -62_135_596_800n, 253_402_300_799n, 10n ** 13n] };
    case ScalarType.INT32:
      return { refused: [], other: [-1, 2 ** 31 - 1, -(2 ** 31), 1_000_000_000] };
    default:
      return { refused: [], other: [] };
  }
}

type Variant = { readonly name: string; readonly request: Init; readonly isRefused: boolean };

/** The request with one field, at any depth, replaced by each hostile value. */
function* variants(message: DescMessage, request: Init, path = ''): Generator<Variant> {
  for (const field of message.fields) {
    const oneof = field.oneof && request[field.oneof.localName];
    if (field.oneof !== undefined && !(isInit(oneof) && oneof.case === field.localName)) continue;
    const value = isInit(oneof) ? oneof.value : request[field.localName];
    const replace = (other: unknown): Init =>
      field.oneof === undefined
        ? { ...request, [field.localName]: other }
        : { ...request, [field.oneof.localName]: other === undefined ? { case: undefined } : { case: field.localName, value: other } };
    const name = `${path}${field.name}`;
    const { refused, other } = hostile(field, value);
    const said = (one: unknown) =>
      typeof one === 'bigint'
        ? String(one)
        : (JSON.stringify(one, (_, value) => (typeof value === 'bigint' ? String(value) : value)) ?? 'unset').slice(0, 30);
    for (const one of refused) yield { name: `${name}: ${said(one)}`, request: replace(one), isRefused: true };
    for (const one of other) yield { name: `${name}: ${said(one)}`, request: replace(one), isRefused: false };
    if (field.message !== undefined && isInit(value))
      for (const inner of variants(field.message, value, `${name}.`)) yield { ...inner, request: replace(inner.request) };
    if (field.fieldKind === 'list' && field.message !== undefined && Array.isArray(value) && isInit(value[0]))
      for (const inner of variants(field.message, value[0], `${name}[0].`)) yield { ...inner, request: replace([inner.request, ...value.slice(1)]) };
  }
}

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
        const isFine =
          reason === undefined ? !isRefused : isRefused ? reason === 'REQUEST_INVALID' || reason === 'CALL_MALFORMED' : blames.has(reason);
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
