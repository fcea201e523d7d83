import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Client } from 'pg';
import { syncPointOf, syncTokenOf } from '../../src/core/services/chat/resume-chat.ts';
import { type ChatServer, openChatServer, roles, textEntry } from '../support/server/chat-server.ts';
import { until } from '../support/time/until.ts';

let server: ChatServer;
before(async () => {
  server = await openChatServer({ settings: { 'live.unacknowledgedMax': 120, 'live.messagesPerSecond': 100 } });
});
after(() => server?.close());

const post = (conversationId: string, text: string, clientId: string = randomUUID()) => ({
  case: 'post',
  value: { conversationId, entry: textEntry(text, clientId) },
});

test('a new client gets its conversations with their ends, is caught up, and then gets what is sent', async () => {
  const [ann, bob] = ['ann-1', 'bob-1'];
  const conversationId = await server.group(ann, bob);
  await server.post(ann, conversationId, 'before');
  const client = await server.connect(bob);
  await client.wait('caughtUp');
  const { conversation } = await client.wait('conversation');
  assert.deepEqual([conversation?.id, conversation?.title, conversation?.own?.unread], [conversationId, 'Crew', 1]);
  assert.deepEqual(client.texts(conversationId), ['before']);
  const sender = await server.connect(ann);
  await sender.wait('caughtUp');
  sender.send(post(conversationId, 'live'));
  const posted = await sender.wait('posted');
  assert.deepEqual([posted.reason, posted.posted?.seq], ['', 3n]);
  await Promise.all([client.upTo(conversationId, 3), sender.upTo(conversationId, 3)]);
  assert.deepEqual(
    [client.texts(conversationId), sender.texts(conversationId)],
    [
      ['before', 'live'],
      ['before', 'live'],
    ],
  );
});

test('whoever returns gets exactly what is missing, of every conversation', async () => {
  const [ann, bob] = ['ann-2', 'bob-2'];
  const ids = [await server.group(ann, bob), await server.group(ann, bob), await server.group(ann, bob)];
  for (const id of ids) await server.post(ann, id, 'first');
  const first = await server.connect(bob);
  await first.wait('caughtUp');
  first.cut();
  for (let n = 0; n < 130; n++) await server.post(ann, ids[n % 2] ?? '', `${n}`);
  const added = await server.group(ann, bob);
  const again = await server.connect(bob, { positions: first.positions(), ownSeq: first.ownSeq() });
  await again.wait('caughtUp');
  for (const id of ids) {
    const n = ids.indexOf(id);
    const expected = Array.from({ length: 130 }, (_, i) => i).filter((i) => i % 2 === n);
    assert.deepEqual(again.texts(id), expected.map(String));
  }
  assert.deepEqual(
    again.all('conversation').map(({ conversation }) => conversation?.id),
    [added],
  );
  assert.ok(again.all('events').every(({ afterSeq, conversationId }) => conversationId === added || afterSeq >= 2n));
});

test('caught up is said only when all before it was acknowledged', async () => {
  const [ann, bob] = ['ann-3', 'bob-3'];
  const conversationId = await server.group(ann, bob);
  const client = await server.connect(bob, {}, { acknowledges: false });
  await client.upTo(conversationId, 1);
  await server.post(ann, conversationId, 'a sign that it goes on');
  await client.upTo(conversationId, 2);
  assert.deepEqual(client.all('caughtUp'), []);
  client.acknowledge();
  await client.wait('caughtUp');
});

test('a client that acknowledges nothing is sent no more than it may have, and gets the rest when it does', async () => {
  const [ann, bob] = ['ann-4', 'bob-4'];
  const conversationId = await server.group(ann, bob);
  const client = await server.connect(bob, {}, { acknowledges: false });
  const { acknowledgeEvery } = await client.wait('welcome');
  const most = acknowledgeEvery * 4;
  const sender = await server.connect(ann);
  await sender.wait('caughtUp');
  const total = most + 150;
  for (let n = 0; n < total; n++) {
    await server.post(ann, conversationId, `${n}`);
    if (n === 100) assert.ok(client.events(conversationId).length <= most + 100);
  }
  await sender.upTo(conversationId, total + 1);
  assert.ok(client.events(conversationId).length < total, 'it is held back');
  await until('all of it', () => {
    client.acknowledge();
    return client.events(conversationId).length === total + 1;
  });
  assert.deepEqual(
    client.texts(conversationId),
    Array.from({ length: total }, (_, n) => `${n}`),
  );
});

test('two devices of a user stay in step: sent, read, muted, hidden', async () => {
  const [ann, bob] = ['ann-5', 'bob-5'];
  const conversationId = await server.group(ann, bob);
  const [phone, tablet] = [await server.connect(bob), await server.connect(bob)];
  await Promise.all([phone.wait('caughtUp'), tablet.wait('caughtUp')]);
  await server.post(ann, conversationId, 'hi');
  phone.send(post(conversationId, 'hello'));
  await Promise.all([phone.upTo(conversationId, 3), tablet.upTo(conversationId, 3)]);
  phone.send({ case: 'received', value: { conversationId, deliveredSeq: 3n, readSeq: 2n } });
  const read = await tablet.wait('conversation', 2);
  assert.deepEqual([read.conversation?.own?.readSeq, read.conversation?.own?.unread, read.conversation?.own?.asOfSeq], [2n, 0, 3n]);
  await server.call(bob, 'HideMessage', { conversationId, seq: 2n });
  await server.call(bob, 'MuteConversation', { conversationId, until: { seconds: 1_900_000_000n, nanos: 0 } });
  for (const device of [phone, tablet]) {
    assert.deepEqual((await device.wait('conversation', 3)).conversation?.own?.hiddenSeqs, [2n]);
    assert.equal((await device.wait('conversation', 4)).conversation?.own?.mutedUntil?.getTime(), 1_900_000_000_000);
  }
  tablet.cut();
  await server.call(bob, 'MarkReceived', { conversationId, readSeq: 3n });
  const back = await server.connect(bob, { positions: tablet.positions(), ownSeq: tablet.ownSeq() });
  await back.wait('caughtUp');
  assert.deepEqual(
    back.all('conversation').map(({ conversation }) => [conversation?.own?.readSeq, conversation?.own?.hiddenSeqs]),
    [[3n, [2n]]],
    'without a token it is not known what of it the client has',
  );
  assert.deepEqual(back.all('events'), []);
});

test('an edit shows its message to nobody who may not see it: it is hidden, or older than the membership', async () => {
  const [ann, bob, cy, dan] = ['ann-9', 'bob-9', 'cy-9', 'dan-9'];
  const conversationId = await server.group(ann, bob, cy);
  await server.post(ann, conversationId, 'first');
  await server.call(ann, 'ChangeMembers', { conversationId, changes: [{ userId: dan, role: roles.member }] });
  const clients = await Promise.all([bob, cy, dan].map((who) => server.connect(who)));
  await Promise.all(clients.map((client) => client.wait('caughtUp')));
  await server.call(bob, 'HideMessage', { conversationId, seq: 2n });
  await clients[0]?.wait('conversation', 2);
  const entry = { clientId: randomUUID(), what: { case: 'edit', value: { targetSeq: 2n, content: { text: 'secret' } } } };
  await server.call(ann, 'Post', { conversationId, entry });
  await Promise.all(clients.map((client) => client.upTo(conversationId, 4)));
  const later = await Promise.all([bob, cy, dan].map((who) => server.connect(who)));
  await Promise.all(later.map((client) => client.wait('caughtUp')));
  for (const streams of [clients, later])
    assert.deepEqual(
      streams.map((client) => client.events(conversationId).at(-1)?.what?.$case),
      ['hidden', 'edited', 'hidden'],
    );
});

test('a page that is larger than what may wait for a client is sent as the client reads it', async () => {
  const [ann, bob] = ['ann-10', 'bob-10'];
  const ids = [await server.group(ann, bob), await server.group(ann, bob), await server.group(ann, bob)];
  const first = await server.connect(bob);
  await first.wait('caughtUp');
  first.cut();
  const large = 'x'.repeat(16_384);
  for (const id of ids) for (let n = 0; n < 33; n++) await server.post(ann, id, large);
  const again = await server.connect(bob, { positions: first.positions(), ownSeq: first.ownSeq() });
  await again.wait('caughtUp');
  assert.deepEqual(
    ids.map((id) => again.texts(id).length),
    [33, 33, 33],
  );
  assert.deepEqual(again.all('closed'), []);
});

test('a sync token stands for all positions: what is missing comes once, also of what the client never saw', async () => {
  const [ann, bob] = ['ann-11', 'bob-11'];
  const quiet = await server.group(ann, bob);
  const busy = await server.group(ann, bob);
  const gone = await server.group(ann, bob);
  for (const id of [quiet, busy, gone]) await server.post(ann, id, 'before');
  const first = await server.connect(bob);
  const { syncToken } = await first.wait('caughtUp');
  first.cut();
  for (let n = 0; n < 120; n++) await server.post(ann, busy, `${n}`);
  const added = await server.group(ann, bob);
  await server.call(ann, 'ChangeMembers', { conversationId: gone, changes: [{ userId: bob, role: roles.none }] });
  const again = await server.connect(bob, { syncToken, ownSeq: first.ownSeq() });
  const second = await again.wait('caughtUp');
  assert.deepEqual(
    again.texts(busy).slice(-120),
    Array.from({ length: 120 }, (_, n) => `${n}`),
  );
  // a transaction of any database of the server holds a token back: what was sent just before may come again
  assert.ok(again.texts(quiet).length <= 1);
  assert.deepEqual(
    again.all('left').map(({ conversationId }) => conversationId),
    [gone],
  );
  assert.deepEqual(
    again.all('conversation').map(({ conversation }) => conversation?.id),
    [added],
  );
  assert.deepEqual(again.all('syncReset'), []);
  again.cut();
  await server.post(ann, quiet, 'after');
  const third = await server.connect(bob, { syncToken: second.syncToken, ownSeq: again.ownSeq() });
  await third.wait('caughtUp');
  assert.equal(third.texts(quiet).at(-1), 'after');
  assert.ok(third.texts(busy).length <= 120);
});

test('positions beside a sync token are newer than it', async () => {
  const [ann, bob] = ['ann-12', 'bob-12'];
  const conversationId = await server.group(ann, bob);
  const first = await server.connect(bob);
  const { syncToken } = await first.wait('caughtUp');
  await server.post(ann, conversationId, 'live');
  await first.upTo(conversationId, 2);
  first.cut();
  await server.post(ann, conversationId, 'missing');
  const again = await server.connect(bob, { syncToken, positions: first.positions(), ownSeq: first.ownSeq() });
  await again.wait('caughtUp');
  assert.deepEqual(again.texts(conversationId), ['missing']);
});

test('a sync token of another database, or of a moment that a backup does not know, starts all anew and says so', async () => {
  const [ann, bob] = ['ann-13', 'bob-13'];
  const conversationId = await server.group(ann, bob);
  await server.post(ann, conversationId, 'kept');
  const first = await server.connect(bob);
  const { syncToken } = await first.wait('caughtUp');
  first.cut();
  const point = syncPointOf(syncToken);
  const newest = point.newest as NonNullable<typeof point.newest>;
  const others = [
    { ...point, databaseId: randomUUID() },
    { ...point, xid: point.xid + 1_000_000n },
    { ...point, newest: { ...newest, eventId: randomUUID() } },
    { ...point, newest: { ...newest, seq: newest.seq + 1 } },
    { ...point, newest: { ...newest, conversationId: randomUUID() } },
  ];
  for (const other of others) {
    const again = await server.connect(bob, { syncToken: syncTokenOf(other), ownSeq: first.ownSeq() });
    await again.wait('caughtUp');
    assert.equal(again.all('syncReset').length, 1);
    assert.deepEqual(
      [again.texts(conversationId), again.all('conversation').map(({ conversation }) => conversation?.id)],
      [['kept'], [conversationId]],
    );
  }
  const respelt = String.fromCharCode(syncToken.charCodeAt(86) + 1); // its two last bits stand for nothing
  for (const token of ['A'.repeat(34), 'A'.repeat(87), syncToken.slice(0, 86) + respelt, syncTokenOf({ ...point, xid: 2n ** 63n })]) {
    const refused = await server.connect(bob, { syncToken: token });
    assert.equal((await refused.wait('closed')).reason, 'REQUEST_INVALID', token);
  }
});

test('a transaction that is still open when a token is given loses nothing', async () => {
  const [ann, bob] = ['ann-14', 'bob-14'];
  const [one, other] = [await server.group(ann, bob), await server.group(ann, bob)];
  const database = new Client({ connectionString: server.databaseUrl });
  await database.connect();
  await database.query('BEGIN');
  const entry = { kind: 'message', sender_kind: 'user', sender_id: ann, client_id: randomUUID(), hash: '00', text: 'slow', event_id: randomUUID() };
  await database.query('SELECT * FROM chat_append($1, $2)', [one, JSON.stringify([entry])]); // its transaction has begun before the next one
  await server.post(ann, other, 'fast');
  const first = await server.connect(bob);
  const { syncToken } = await first.wait('caughtUp');
  first.cut();
  await database.query('COMMIT');
  await database.end();
  const again = await server.connect(bob, { syncToken, ownSeq: first.ownSeq() });
  await again.wait('caughtUp');
  assert.deepEqual(again.texts(one), ['slow']);
});

test('receipts and typing reach the other members, are never kept, and typing is throttled', async () => {
  const [ann, bob] = ['ann-6', 'bob-6'];
  const conversationId = await server.group(ann, bob);
  await server.post(ann, conversationId, 'x');
  const [one, two] = [await server.connect(ann), await server.connect(bob)];
  await Promise.all([one.wait('caughtUp'), two.wait('caughtUp')]);
  for (let n = 0; n < 5; n++) two.send({ case: 'typing', value: { conversationId } });
  two.send({ case: 'received', value: { conversationId, deliveredSeq: 1n, readSeq: 1n } });
  two.send({ case: 'received', value: { conversationId, deliveredSeq: 2n, readSeq: 0n } });
  two.send({ case: 'received', value: { conversationId, deliveredSeq: 1n, readSeq: 1n } });
  two.send({ case: 'received', value: { conversationId, deliveredSeq: 99n, readSeq: 99n } });
  await one.wait('receipt', 3);
  assert.deepEqual(
    one.all('receipt').map(({ userId, deliveredSeq, readSeq }) => [userId, deliveredSeq, readSeq]),
    [
      [bob, 1n, 1n],
      [bob, 2n, 1n],
      [bob, 2n, 2n],
    ],
  );
  assert.deepEqual(
    one.all('typing').map(({ userId }) => userId),
    [bob],
  );
  assert.deepEqual([two.all('typing'), two.all('receipt')], [[], []]);
});

test('a member who is removed gets nothing more at once, and everything anew when added again', async () => {
  const [ann, bob] = ['ann-7', 'bob-7'];
  const conversationId = await server.group(ann, bob);
  const [one, two] = [await server.connect(ann), await server.connect(bob)];
  await Promise.all([one.wait('caughtUp'), two.wait('caughtUp')]);
  const change = (role: number) => server.call(ann, 'ChangeMembers', { conversationId, changes: [{ userId: bob, role }] });
  await change(roles.none);
  await server.post(ann, conversationId, 'secret');
  await one.upTo(conversationId, 3);
  await two.wait('left');
  two.send({ case: 'typing', value: { conversationId } });
  two.send(post(conversationId, 'let me in'));
  assert.equal((await two.wait('posted')).reason, 'CONVERSATION_UNKNOWN');
  assert.deepEqual(
    two.events(conversationId).map(({ seq }) => seq),
    [1n],
  );
  assert.deepEqual(one.all('typing'), []);
  await change(roles.member);
  await server.post(ann, conversationId, 'welcome back');
  await two.upTo(conversationId, 5);
  assert.deepEqual(two.texts(conversationId), ['welcome back']);
  assert.equal(two.all('conversation').length, 2);
  const fresh = await server.connect(bob, {
    positions: [
      { conversationId, seq: 1n },
      { conversationId: randomUUID(), seq: 4n },
    ],
  });
  await fresh.wait('caughtUp');
  assert.equal(fresh.all('left').length, 1);
  assert.deepEqual(
    fresh.all('events').map(({ afterSeq }) => afterSeq),
    [3n],
    'the gap is named',
  );
});

test('a position that is not of this database is refused for its conversation, which starts anew', async () => {
  const [ann, bob] = ['ann-8', 'bob-8'];
  const [good, other, ahead] = [await server.group(ann, bob), await server.group(ann, bob), await server.group(ann, bob)];
  const known = await server.connect(bob);
  await known.wait('caughtUp');
  const positions = known.positions().map((position) => {
    if (position.conversationId === other) return { ...position, eventId: randomUUID() };
    return position.conversationId === ahead ? { ...position, seq: 40n } : position;
  });
  const client = await server.connect(bob, { positions, ownSeq: known.ownSeq() });
  await client.wait('caughtUp');
  const resets = client.all('conversation').map(({ conversation, reset }) => [conversation?.id, reset]);
  assert.deepEqual(
    resets.sort(),
    [
      [other, true],
      [ahead, true],
    ].sort(),
  );
  assert.deepEqual([client.events(good).length, client.events(other).length, client.events(ahead).length], [0, 1, 1]);
});

test('a second stream of the same device displaces the first, and an internal service closes streams of a user', async () => {
  const headers = await server.headersOf('dee');
  const first = await server.connect('dee', {}, { headers });
  await first.wait('caughtUp');
  const second = await server.connect('dee', {}, { headers });
  assert.equal((await first.wait('closed')).reason, 'STREAM_DISPLACED');
  await second.wait('caughtUp');
  second.send({ case: 'hello', value: {} });
  assert.equal((await second.wait('closed')).reason, 'REQUEST_INVALID');
});

test('a message that breaks a rule closes the stream with the rule, and nothing is stored', async () => {
  const conversationId = await server.group('eve', 'fred');
  const client = await server.connect('eve');
  await client.wait('caughtUp');
  client.send(post('nonsense', 'x'));
  assert.equal((await client.wait('closed')).reason, 'REQUEST_INVALID');
  assert.equal((await server.call('eve', 'GetHistory', { conversationId })).events.length, 1);
});

test('two hundred sends of one stream at once are stored in their order, and answered one by one', async () => {
  const conversationId = await server.group('gil', 'hal');
  const [one, two] = [await server.connect('gil'), await server.connect('hal')];
  await Promise.all([one.wait('caughtUp'), two.wait('caughtUp')]);
  const sent = Array.from({ length: 190 }, (_, n) => `${n}`);
  for (const text of sent) one.send(post(conversationId, text));
  await one.wait('posted', sent.length);
  await two.upTo(conversationId, sent.length + 1);
  assert.deepEqual(two.texts(conversationId), sent);
  assert.deepEqual(
    one.all('posted').map(({ posted }) => posted?.seq),
    sent.map((_, n) => BigInt(n + 2)),
  );
});

for (const by of ['connect h1', 'json h2', 'grpc-web h2'] as const)
  test(`${by}: a browser holds a conversation by Open and Send`, async () => {
    const [ann, bob] = [`ann ${by}`.replaceAll(' ', '-'), `bob ${by}`.replaceAll(' ', '-')];
    const conversationId = await server.group(ann, bob);
    const [one, two] = [await server.connect(ann, {}, { by }), await server.connect(bob, {}, { by })];
    await Promise.all([one.wait('caughtUp'), two.wait('caughtUp')]);
    one.send(post(conversationId, 'by Send'));
    await Promise.all([one.wait('posted'), two.upTo(conversationId, 2)]);
    two.send({ case: 'typing', value: { conversationId } });
    await one.wait('typing');
    assert.deepEqual(two.texts(conversationId), ['by Send']);
    one.cut();
    two.cut();
    await server.post(ann, conversationId, 'missed');
    const again = await server.connect(bob, { positions: two.positions(), ownSeq: two.ownSeq() }, { by });
    await again.wait('caughtUp');
    assert.deepEqual(again.texts(conversationId), ['missed']);
    again.send({ case: 'goodbye', value: {} });
  });

test('whoever has blocked a member gets the places of that member’s words and nothing of them, live and later', async () => {
  const [ann, bob, cy] = ['ann-block', 'bob-block', 'cy-block'];
  const conversationId = await server.group(ann, bob, cy);
  const database = new Client({ connectionString: server.databaseUrl });
  await database.connect();
  await database.query('INSERT INTO chat_blocks VALUES ($1, $2)', [bob, ann]);
  await database.end();
  const clients = [await server.connect(bob), await server.connect(bob, {}, { by: 'json h1' })];
  const [sender, other] = [await server.connect(ann), await server.connect(cy)];
  await Promise.all([...clients, sender, other].map((client) => client.wait('caughtUp')));
  sender.send({ case: 'typing', value: { conversationId } });
  sender.send(post(conversationId, 'secret'));
  const { posted } = await sender.wait('posted');
  await other.wait('typing');
  const target = { case: 'edit', value: { targetSeq: posted?.seq, content: { text: 'edited secret' } } };
  await server.call(ann, 'Post', { conversationId, entry: { clientId: randomUUID(), what: target } });
  await server.post(bob, conversationId, 'mine');
  clients.push(await server.connect(bob));
  for (const client of clients) {
    await client.upTo(conversationId, 4);
    assert.deepEqual(
      client.events(conversationId).map(({ what, sender }) => [what?.$case, sender?.id]),
      [
        ['membersChanged', ann],
        ['hidden', undefined],
        ['hidden', undefined],
        ['message', bob],
      ],
    );
    assert.deepEqual(client.all('typing'), []);
    assert.deepEqual(client.all('closed'), []);
  }
  await other.upTo(conversationId, 4);
  assert.deepEqual(other.texts(conversationId), ['secret', 'edited secret', 'mine']);
});

test('what many send at once is announced together, and still shows nobody what is not theirs', async () => {
  const [ann, bob, cy, dan] = ['ann-many', 'bob-many', 'cy-many', 'dan-many'];
  const conversationId = await server.group(ann, bob, cy);
  const { seq: targetSeq } = await server.post(cy, conversationId, 'before dan came');
  await server.call(ann, 'ChangeMembers', { conversationId, changes: [{ userId: dan, role: roles.member }] });
  const database = new Client({ connectionString: server.databaseUrl });
  await database.connect();
  await database.query('INSERT INTO chat_blocks VALUES ($1, $2)', [bob, ann]);
  await database.end();
  const [blocking, late, one, other] = await Promise.all([bob, dan, ann, cy].map((user) => server.connect(user)));
  if (blocking === undefined || late === undefined || one === undefined || other === undefined) throw new Error('Not all are connected.');
  await Promise.all([blocking, late, one, other].map((client) => client.wait('caughtUp')));
  const rounds = 20;
  for (let n = 0; n < rounds; n++) {
    one.send(post(conversationId, `secret ${n}`));
    other.send(post(conversationId, `open ${n}`));
    const what = { case: 'edit', value: { targetSeq, content: { text: `edited ${n}` } } };
    other.send({ case: 'post', value: { conversationId, entry: { clientId: randomUUID(), what } } });
  }
  const top = 3 + 3 * rounds;
  for (const client of [blocking, late, one, other]) await client.upTo(conversationId, top);
  assert.ok(
    one.all('events').some(({ events }) => new Set(events.map(({ sender }) => sender?.id)).size > 1),
    'some were announced together',
  );
  const textsOf = (client: typeof one) => new Set(client.texts(conversationId).map((text) => text?.split(' ')[0]));
  assert.deepEqual(textsOf(blocking), new Set(['before', 'open', 'edited']));
  assert.deepEqual(textsOf(late), new Set(['secret', 'open']));
  assert.equal(one.texts(conversationId).filter((text) => text?.startsWith('secret')).length, rounds);
});
