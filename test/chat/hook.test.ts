// The company's own service sees each message of a user before it is stored.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { createServer, ServerError } from 'nice-grpc';
import { statusCodes } from '../../src/core/kit/reasons.ts';
import {
  ChatHookServiceDefinition,
  type ChatHookServiceImplementation,
  type ReviewRequest,
  ReviewResponse,
} from '../../src/gen/portico/internal/v1/chat_hook.ts';
import type { ProtocolName } from '../support/client/protocols.ts';
import { type Came, type ChatServer, kinds, openChatServer, textEntry, textsOf } from '../support/server/chat-server.ts';
import { until } from '../support/time/until.ts';

/** The hook: what it was asked, and what it answers. */
const seen: ReviewRequest[] = [];
let answer: (request: ReviewRequest, signal: AbortSignal) => Promise<ReviewResponse> | ReviewResponse | Uint8Array;
const accepted: ReviewResponse = { outcome: { $case: 'accepted', value: {} } };
const rewritten = (text: string, data = new Uint8Array(0)): ReviewResponse => ({
  outcome: { $case: 'rewritten', value: { text, data, attachments: [] } },
});
const refused = (why: string, message = ''): ReviewResponse => ({ outcome: { $case: 'refused', value: { why, message } } });
/** One after the other, as bytes. */
const inPieces = (...parts: readonly ReviewResponse[]) => Buffer.concat(parts.map((part) => ReviewResponse.encode(part).finish()));
/** The service's definition, which also sends bytes as they are. */
const { review } = ChatHookServiceDefinition.methods;
const responseType = {
  ...ReviewResponse,
  fromPartial: (answer: ReviewResponse) => answer,
  encode: (answer: ReviewResponse | Uint8Array) => (answer instanceof Uint8Array ? { finish: () => answer } : ReviewResponse.encode(answer)),
} as typeof ReviewResponse;
const definition = { ...ChatHookServiceDefinition, methods: { review: { ...review, responseType } } };
const hook: ChatHookServiceImplementation = {
  review: async (request, { signal }) => {
    seen.push(request);
    return answer(request, signal) as ReviewResponse;
  },
};
const hookServer = createServer();
let address: string;
let server: ChatServer;
before(async () => {
  hookServer.add(definition, hook);
  address = `127.0.0.1:${await hookServer.listen('127.0.0.1:0')}`;
  server = await openChatServer({ settings: settingsOf('refuse') });
});
after(async () => {
  await server?.close();
  hookServer.forceShutdown();
});
beforeEach(() => {
  seen.length = 0;
  answer = () => accepted;
});

function settingsOf(absent: 'refuse' | 'accept') {
  return { 'upstreams.moderation.address': address, 'chat.hook.upstream': 'moderation', 'chat.hook.deadline': '2s', 'chat.hook.absent': absent };
}
const textsIn = async (user: string, conversationId: string, at = server) => {
  const { events } = await at.call(user, 'GetHistory', { conversationId });
  return textsOf(events.filter((event: Came) => event.what.case === 'message'));
};
const post = (user: string, conversationId: string, entry: object, by?: ProtocolName, at = server) =>
  at.try(user, 'Post', { conversationId, entry }, by);

test('it is asked about each message and edit, with what it needs to decide, and about nothing else', async () => {
  const id = await server.group('ann', 'ben');
  const entry = { clientId: 'a', what: { case: 'message', value: { content: { text: 'Hi', data: Uint8Array.of(1) }, replyToSeq: 0n } } };
  const { seq } = (await server.call('ann', 'Post', { conversationId: id, entry })).posted;
  const edit = { case: 'edit', value: { targetSeq: seq, content: { text: 'Hello' } } };
  await server.call('ann', 'Post', { conversationId: id, entry: { clientId: 'b', what: edit } });
  const reply = { case: 'message', value: { content: { text: 'Yes' }, replyToSeq: seq } };
  await server.call('ben', 'Post', { conversationId: id, entry: { clientId: 'a', what: reply } });
  await server.call('ben', 'Post', {
    conversationId: id,
    entry: { clientId: 'c', what: { case: 'react', value: { targetSeq: seq, reaction: '+1' } } },
  });
  await server.call('ann', 'Post', { conversationId: id, entry: { clientId: 'd', what: { case: 'delete', value: { targetSeq: seq } } } });
  const common = { conversationId: id, kind: kinds.group, subject: '' };
  assert.deepEqual(
    seen.map(({ userId, content, ...rest }) => ({ ...rest, content: [content?.text, ...(content?.data ?? [])] })),
    [
      { ...common, clientId: 'a', content: ['Hi', 1], replyToSeq: 0n, editedSeq: 0n },
      { ...common, clientId: 'b', content: ['Hello'], replyToSeq: 0n, editedSeq: seq },
      { ...common, clientId: 'a', content: ['Yes'], replyToSeq: seq, editedSeq: 0n },
    ],
  );
  assert.deepEqual(
    seen.map(({ userId }) => userId),
    ['ann', 'ann', 'ben'],
  );
});

for (const by of ['grpc h2', 'grpc-web h1', 'json h1'] satisfies readonly ProtocolName[])
  test(`${by}: what it rewrites is stored and sent in its place, and a repeat of what was sent gives the same message`, async () => {
    const id = await server.group('cleo', 'dan');
    const reader = await server.connect('dan');
    await reader.wait('caughtUp');
    answer = ({ content }) => rewritten(`${content?.text} (checked)`);
    const entry = textEntry('buy now');
    const first = await post('cleo', id, entry, by);
    answer = () => refused('SPAM');
    const again = await post('cleo', id, entry, by);
    assert.deepEqual([again.came.posted.seq, again.came.posted.repeated, seen.length], [first.came.posted.seq, true, 1]);
    assert.equal((await post('cleo', id, textEntry('other', entry.clientId), by)).reason, 'MESSAGE_ID_REUSED');
    assert.equal((await post('cleo', id, textEntry('buy now (checked)', entry.clientId), by)).reason, 'MESSAGE_ID_REUSED');
    assert.equal(seen.length, 1, 'what was stored is not asked about again');
    assert.deepEqual(await textsIn('dan', id), ['buy now (checked)']);
    await reader.upTo(id, 2);
    assert.deepEqual(reader.texts(id), ['buy now (checked)']);
  });

test('what it rewrites in pieces is stored whole, and what codecs read differently is no answer', async () => {
  const id = await server.group('gil', 'hal');
  answer = () => inPieces(rewritten('checked'), rewritten('', Uint8Array.of(7)));
  await post('gil', id, textEntry('buy now'));
  assert.deepEqual(await textsIn('hal', id), ['checked']);
  answer = () => Buffer.from([(1 << 3) | 0, 0]); // `accepted` as a number
  assert.equal((await post('gil', id, textEntry('buy more'))).reason, 'UPSTREAM_DOWN');
  assert.deepEqual(await textsIn('hal', id), ['checked']);
});

test('what it refuses is not stored: the sender is told why, by a call and on a stream', async () => {
  const id = await server.group('eve', 'finn');
  answer = () => refused('SPAM', 'Links are not allowed.');
  assert.equal((await post('eve', id, textEntry('http://…'))).reason, 'MESSAGE_REFUSED');
  const client = await server.connect('eve');
  await client.wait('caughtUp');
  client.send({ case: 'post', value: { conversationId: id, entry: textEntry('http://…', 'x') } });
  const posted = await client.wait('posted');
  assert.deepEqual([posted.clientId, posted.reason, posted.message, posted.posted], ['x', 'MESSAGE_REFUSED', 'Links are not allowed.', undefined]);
  assert.deepEqual(await textsIn('eve', id), []);
});

const noAnswers: readonly (readonly [string, typeof answer])[] = [
  ['PERMISSION_DENIED', () => Promise.reject(new ServerError(statusCodes.PERMISSION_DENIED, 'who are you?'))],
  ['UNAVAILABLE', () => Promise.reject(new ServerError(statusCodes.UNAVAILABLE, 'down'))],
  ['INTERNAL', () => Promise.reject(new Error('a defect'))],
  ['no outcome', () => ({ outcome: undefined })],
  ['a reason that is none', () => refused('not a reason')],
  ['a text that is too long', () => rewritten('ä'.repeat(8_193))],
  ['a NUL', () => rewritten('a\0b')],
  ['data that is too large', () => rewritten('', new Uint8Array(8_193))],
  ['silence', (_, signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('over'))))],
];

test('what it did not answer is refused for now, or stored as it was sent where the settings say so', async () => {
  await using accepting = await openChatServer({ settings: { ...settingsOf('accept'), 'chat.hook.deadline': '300ms' } });
  const [id, other] = [await server.group('gus', 'hal'), await accepting.group('gus', 'hal')];
  for (const [name, how] of noAnswers) {
    answer = how;
    assert.equal((await post('gus', id, textEntry(name))).reason, 'UPSTREAM_DOWN', name);
    assert.equal((await post('gus', other, textEntry(name), 'grpc h2', accepting)).reason, undefined, name);
  }
  assert.deepEqual(await textsIn('gus', id), []);
  assert.deepEqual(
    await textsIn('gus', other, accepting),
    noAnswers.map(([name]) => name),
  );
});

test('messages of one sender keep their order, though their reviews end in another one, and are asked about side by side', async () => {
  const id = await server.group('ida', 'jo');
  const client = await server.connect('ida');
  await client.wait('caughtUp');
  const reviews = new Map<string, () => void>();
  answer = ({ content }) => new Promise((resolve) => reviews.set(content?.text ?? '', () => resolve(accepted)));
  const texts = ['1', '2', '3', '4', '5'];
  for (const text of texts) client.send({ case: 'post', value: { conversationId: id, entry: textEntry(text) } });
  await until('all are asked about', () => reviews.size === texts.length);
  for (const text of ['5', '3', '4', '2']) reviews.get(text)?.();
  assert.deepEqual(await textsIn('ida', id), []);
  reviews.get('1')?.();
  await until('all are stored', () => client.all('posted').length === texts.length);
  assert.deepEqual(await textsIn('ida', id), texts);
});

test('a stranger costs the hook nothing, and neither does what no message may be', async () => {
  const id = await server.group('kim', 'lee');
  assert.equal((await post('mia', id, textEntry('hi'))).reason, 'CONVERSATION_UNKNOWN');
  assert.equal((await post('kim', randomUUID(), textEntry('hi'))).reason, 'CONVERSATION_UNKNOWN');
  assert.equal((await post('kim', id, textEntry('x'.repeat(16_385)))).reason, 'REQUEST_INVALID');
  assert.equal(seen.length, 0);
});
