// Search in a conversation: what it finds, for whom, page by page, and what hostile queries cost.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { protocols } from '../support/client/protocols.ts';
import { type Came, type ChatServer, openChatServer, roles, textsOf } from '../support/server/chat-server.ts';

let server: ChatServer;
before(async () => {
  server = await openChatServer({ settings: { 'chat.search.perMinute': 1_000 } });
});
after(() => server?.close());

const names = () => ['ann', 'bob', 'cy'].map((name) => `${name}-${randomUUID()}`) as [string, string, string];
const search = (user: string, conversationId: string, query: string, more: object = {}) =>
  server.try(user, 'SearchMessages', { conversationId, query, ...more });
const found = async (user: string, id: string, query: string) => {
  const { came, reason } = await search(user, id, query);
  assert.equal(reason, undefined);
  return textsOf(came.events);
};

const queries: Readonly<Record<string, readonly string[]>> = {
  pizza: ['Pizza tonight, or tomorrow?', 'the pizza was cold'],
  PIZZA: ['Pizza tonight, or tomorrow?', 'the pizza was cold'],
  'cold pizza': ['the pizza was cold'],
  '"pizza was"': ['the pizza was cold'],
  '"cold pizza"': [],
  'pizza -cold': ['Pizza tonight, or tomorrow?'],
  'cold or käse': ['Käse, grün & 42', 'the pizza was cold'],
  grün: ['Käse, grün & 42'],
  '42': ['Käse, grün & 42'],
  "'; DROP TABLE chat_events; --pizza": [],
  'pizz:*': [],
};
test('queries find the messages that have the words, the newest first', async () => {
  const [ann, bob] = names();
  const id = await server.group(ann, bob);
  const other = await server.group(ann);
  await server.post(ann, other, 'pizza in another conversation');
  for (const text of ['the pizza was cold', 'Käse, grün & 42', 'Pizza tonight, or tomorrow?', '🍕']) await server.post(ann, id, text);
  for (const [query, texts] of Object.entries(queries)) assert.deepEqual(await found(bob, id, query), texts, query);
});

/** Makes a message with the word, which is not there for Ann at the end. */
const unseen: Readonly<Record<string, (world: { ann: string; bob: string; id: string; seq: bigint }) => Promise<unknown>>> = {
  'that was deleted for all': ({ bob, id, seq }) => post(bob, id, { case: 'delete', value: { targetSeq: seq } }),
  'that was edited': ({ bob, id, seq }) => post(bob, id, { case: 'edit', value: { targetSeq: seq, content: { text: 'something else' } } }),
  'that the reader has hidden': ({ ann, id, seq }) => server.call(ann, 'HideMessage', { conversationId: id, seq }),
  'of a sender whom the reader has blocked': ({ ann, bob }) => server.call(ann, 'SafetyService/BlockUser', { userId: bob }),
  'older than the membership': async ({ ann, bob, id }) => {
    for (const role of [roles.none, roles.member]) await server.call(bob, 'ChangeMembers', { conversationId: id, changes: [{ userId: ann, role }] });
  },
};
const post = (user: string, conversationId: string, what: object) =>
  server.call(user, 'Post', { conversationId, entry: { clientId: randomUUID(), what } });
for (const [what, make] of Object.entries(unseen))
  test(`a message ${what} is not found`, async () => {
    const [ann, bob, cy] = names();
    const id = await server.group(bob, ann, cy);
    const { seq } = await server.post(bob, id, 'the needle');
    assert.deepEqual(await found(ann, id, 'needle'), ['the needle']);
    await make({ ann, bob, id, seq });
    await server.post(cy, id, 'another needle');
    assert.deepEqual(await found(ann, id, 'needle'), ['another needle']);
  });

test('an edited message is found by its words of today', async () => {
  const [ann] = names();
  const id = await server.group(ann);
  const { seq } = await server.post(ann, id, 'first');
  await post(ann, id, { case: 'edit', value: { targetSeq: seq, content: { text: 'second' } } });
  assert.deepEqual([await found(ann, id, 'first'), await found(ann, id, 'second')], [[], ['second']]);
});

test('only members search: a stranger and a former member find no conversation', async () => {
  const [ann, bob, cy] = names();
  const id = await server.group(ann, bob);
  await server.post(ann, id, 'needle');
  await server.call(bob, 'LeaveConversation', { conversationId: id });
  for (const user of [bob, cy]) assert.equal((await search(user, id, 'needle')).reason, 'CONVERSATION_UNKNOWN');
});

test('pages follow each other without a hole or a repeat, and each is good for its own search alone', async () => {
  const [ann, bob] = names();
  const [id, other] = [await server.group(ann, bob), await server.group(ann, bob)];
  for (let n = 1; n <= 7; n++) await server.post(ann, id, `needle ${n}`);
  const texts: (string | undefined)[] = [];
  let pageToken = '';
  let second = '';
  do {
    const { came } = await search(bob, id, 'needle', { pageSize: 3, pageToken });
    texts.push(...textsOf(came.events));
    pageToken = came.nextPageToken;
    second ||= pageToken;
  } while (pageToken !== '');
  assert.deepEqual(
    texts,
    [7, 6, 5, 4, 3, 2, 1].map((n) => `needle ${n}`),
  );
  const wrong: readonly (readonly [string, string, string])[] = [
    [other, 'needle', second],
    [id, 'needles', second],
    [id, 'needle', `${second.slice(0, -1)}${second.endsWith('A') ? 'Q' : 'A'}`],
    [id, 'needle', 'A'.repeat(22)],
    [id, 'needle', 'x'],
  ];
  for (const [conversationId, query, token] of wrong)
    assert.equal((await search(bob, conversationId, query, { pageToken: token })).reason, 'REQUEST_INVALID', token);
  assert.equal((await search(bob, id, 'needle', { pageToken: second })).reason, undefined);
});

test('a long conversation is searched in bounded parts: a page may be empty, and the next one goes on', async () => {
  const [ann] = names();
  const id = await server.group(ann);
  await server.post(ann, id, 'the needle');
  const long = 'hay '.repeat(4_000);
  for (let n = 0; n < 40; n++) await server.post(ann, id, long);
  const first = (await search(ann, id, 'needle')).came;
  assert.deepEqual([first.events, first.nextPageToken.length], [[], 22]);
  let came: Came = first;
  while (came.nextPageToken !== '') came = (await search(ann, id, 'needle', { pageToken: came.nextPageToken })).came;
  assert.deepEqual(textsOf(came.events), ['the needle']);
});

const hostile: Readonly<Record<string, string>> = {
  'no words': '   ',
  'nothing at all': '',
  'operators alone': '- "" -- " -',
  'punctuation alone': '!&|():*<->\\\'"',
  'a NUL': 'a\0b',
  'more than 200 characters': 'x'.repeat(201),
};
for (const protocol of protocols)
  test(`${protocol}: a query that is none is refused, and names its field`, async () => {
    const [ann] = names();
    const id = await server.group(ann);
    for (const [what, query] of Object.entries(hostile))
      assert.equal((await server.try(ann, 'SearchMessages', { conversationId: id, query }, protocol)).reason, 'REQUEST_INVALID', what);
    await server.post(ann, id, 'needle');
    const deep = `${'"'.repeat(99)}${'-'.repeat(50)} needle`;
    // whether emoji are words is a matter of the database's locale
    for (const query of ['a or '.repeat(40).slice(0, 200), deep, '\u202e\u0301\ud83d\ude00 needle', 'é'.repeat(200), '🍕🍕🍕', '👩‍👩‍👧 pizza'])
      assert.match((await server.try(ann, 'SearchMessages', { conversationId: id, query }, protocol)).reason ?? '', /^(REQUEST_INVALID)?$/, query);
  });

test('a user searches as often as the settings say', async () => {
  const small = await openChatServer({ settings: { 'chat.search.perMinute': 2, 'chat.search.language': 'english' } });
  try {
    const id = await small.group('ann');
    await small.post('ann', id, 'the couriers were running');
    const once = () => small.try('ann', 'SearchMessages', { conversationId: id, query: 'courier run' });
    assert.deepEqual(textsOf((await once()).came.events), ['the couriers were running'], 'by the forms of the language');
    await once();
    assert.equal((await once()).reason, 'SEARCHES_TOO_MANY');
  } finally {
    await small.close();
  }
});
