// The chat of src/client against a real server, by each of its transports: sent, cut, restarted, and with two devices.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import type { ChatNotice } from '../../src/client/chat/state.ts';
import { type ChatStorage, memoryChatStorage } from '../../src/client/chat/storage.ts';
import { unreadOf } from '../../src/client/chat/unread.ts';
import { type Client, openClient } from '../../src/client/client.ts';
import { memoryTokenStore, type TokenStore } from '../../src/client/session.ts';
import type { Entry } from '../../src/gen/portico/v1/chat.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { openLinkTo, transportsTo } from '../support/client/client-link.ts';
import { type ChatServer, openChatServer } from '../support/server/chat-server.ts';
import { until } from '../support/time/until.ts';

let server: ChatServer;
let link: Awaited<ReturnType<typeof openLinkTo>>;
before(async () => {
  server = await openChatServer();
  link = await openLinkTo(server);
});
after(async () => {
  await link?.close();
  await server?.close();
});

const transports = transportsTo(() => server);
type By = keyof typeof transports;

type Device = Client & {
  readonly notices: readonly ChatNotice[];
  of<K extends ChatNotice['kind']>(kind: K): readonly Extract<ChatNotice, { kind: K }>[];
  /** @returns the client's id */
  send(conversationId: string, what: Entry['what']): string;
  say(conversationId: string, text: string): string;
  texts(conversationId: string): readonly (string | undefined)[];
  unread(conversationId: string): number;
  phase(phase: string): Promise<void>;
};
type Kept = { readonly storage: ChatStorage; readonly tokens: TokenStore };

const device = (): Kept => ({ storage: memoryChatStorage(), tokens: memoryTokenStore() });

/** An app of a user, signed in unless its tokens say so, whose network is the link, or another port. */
async function open(user: string, by: By, { storage, tokens }: Kept = device(), port = link.port): Promise<Device> {
  const notices: ChatNotice[] = [];
  const client = openClient({
    transport: transports[by](port),
    tokens,
    chatStorage: storage,
    clock: systemClock,
    random: () => 0.1,
    onChatNotice: (notice) => notices.push(notice),
  });
  if ((await tokens.load()) === undefined)
    await client.session.signIn({
      identity: { $case: 'dev', value: { user, scopes: [] } },
      device: { platform: 'ios', name: 'a test', installationId: '' },
    });
  client.chat.dispatch({ type: 'start' });
  const chatting = (id: string) => client.chat.state.conversations.get(id);
  const send = (conversationId: string, what: Entry['what']) => {
    const clientId = randomUUID();
    client.chat.dispatch({ type: 'post', request: { conversationId, entry: { clientId, what } } });
    return clientId;
  };
  return {
    ...client,
    notices,
    of: (kind) => notices.filter((notice) => notice.kind === kind) as never,
    send,
    say: (conversationId, text) =>
      send(conversationId, { $case: 'message', value: { content: { text, data: Buffer.of(), attachments: [] }, replyToSeq: 0n } }),
    texts: (id) => (chatting(id)?.events ?? []).flatMap(({ what }) => (what?.$case === 'message' ? [what.value.content?.text] : [])),
    unread: (id) => {
      const found = chatting(id);
      return found === undefined ? -1 : unreadOf(found, user);
    },
    phase: (phase) => until(`${phase}, it is ${client.chat.state.phase}`, () => client.chat.state.phase === phase, 30_000),
  };
}

const come = (what: string, isTrue: () => boolean) => until(what, isTrue, 30_000);

for (const [number, by] of (Object.keys(transports) as By[]).entries()) {
  const name = (user: string, n: number) => `${user}-client-${number}-${n}`;

  test(`${by}: a message is sent, received and counted, and what was sent offline follows in its order`, async () => {
    const [ann, bob] = [name('ann', 1), name('bob', 1)];
    const id = await server.group(ann, bob);
    const [one, two] = [await open(ann, by), await open(bob, by)];
    await Promise.all([one.phase('live'), two.phase('live')]);
    one.say(id, 'hello');
    await come('it came', () => two.texts(id).length === 1);
    await come('it is answered', () => one.of('posted').length === 1 && one.chat.state.queue.length === 0);
    assert.deepEqual([two.texts(id), two.unread(id), one.unread(id)], [['hello'], 1, 0]);

    await link.become('refused');
    await come('both know it', () => [one, two].every(({ chat }) => chat.state.phase === 'waiting'));
    for (let n = 0; n < 5; n++) one.say(id, `offline ${n}`);
    two.say(id, 'mine');
    assert.equal(one.chat.state.queue.length, 5);
    await link.become('open');
    for (const client of [one, two]) client.networkFound();
    await Promise.all([one.phase('live'), two.phase('live')]);
    for (const client of [one, two]) await come('all came', () => client.texts(id).length === 7 && client.chat.state.queue.length === 0);
    assert.deepEqual(one.texts(id), two.texts(id));
    assert.deepEqual(
      one.texts(id).filter((text) => text !== 'mine'),
      ['hello', 'offline 0', 'offline 1', 'offline 2', 'offline 3', 'offline 4'],
    );
    assert.deepEqual(
      one.of('posted').map(({ reason }) => reason),
      ['', '', '', '', '', ''],
    );
    for (const client of [one, two]) client.close();
  });

  test(`${by}: members see who looks at a conversation, again after a lost network, and not any more after it`, async () => {
    const [ann, bob] = [name('ann', 9), name('bob', 9)];
    const id = await server.group(ann, bob);
    const [one, two] = [await open(ann, by), await open(bob, by)];
    await Promise.all([one.phase('live'), two.phase('live')]);
    const present = ({ chat }: Device) => chat.state.conversations.get(id)?.present?.users?.join();
    for (const client of [one, two]) client.chat.dispatch({ type: 'look', conversationIds: [id] });
    for (const client of [one, two]) await come('both are there', () => present(client) === `${ann},${bob}`);
    await link.become('refused');
    await come('nobody is known to be there', () => [one, two].every((client) => present(client) === undefined));
    await link.become('open');
    for (const client of [one, two]) client.networkFound();
    for (const client of [one, two]) await come('both are there again', () => present(client) === `${ann},${bob}`);
    two.chat.dispatch({ type: 'look', conversationIds: [] });
    await come('one has left', () => present(one) === ann);
    assert.equal(present(two), undefined);
    for (const client of [one, two]) client.close();
  });

  test(`${by}: connections are cut again and again while both write: nothing is lost, doubled or reordered`, async () => {
    const [ann, bob] = [name('ann', 2), name('bob', 2)];
    const id = await server.group(ann, bob);
    const kept = device();
    let one = await open(ann, by, kept);
    const two = await open(bob, by);
    await Promise.all([one.phase('live'), two.phase('live')]);
    const sent: string[] = [];
    for (let round = 0; round < 12; round++) {
      for (let n = 0; n < 3; n++) {
        sent.push(`${round}.${n}`);
        one.say(id, `${round}.${n}`);
        two.say(id, `other ${round}.${n}`);
      }
      const most = round % 4;
      await come('some are stored', () => one.of('posted').length >= most);
      await link.become('open'); // cuts all connections, and takes new ones
      if (round % 4 === 3) {
        await come('the storage has all', () => one.chat.state.queue.every(({ status }) => status !== 'saving'));
        one.close(); // the process ends: another one has its storage
        one = await open(ann, by, kept);
      }
      for (const client of [one, two]) client.networkFound();
    }
    for (const client of [one, two]) await come('the queue is empty', () => client.chat.state.queue.length === 0);
    const missing = (client: typeof one) => [...sent, ...sent.map((text) => `other ${text}`)].filter((text) => !client.texts(id).includes(text));
    for (const [client, whose] of [
      [one, 'one'],
      [two, 'two'],
    ] as const)
      await come('all came', () => client.texts(id).length === 2 * sent.length).catch((error: Error) =>
        assert.fail(`${error.message}: ${whose} is ${client.chat.state.phase} and lacks ${missing(client)}`),
      );
    assert.deepEqual(one.texts(id), two.texts(id));
    const isOther = (text: string | undefined) => text?.startsWith('other');
    assert.deepEqual([one.texts(id).filter((text) => !isOther(text)), one.texts(id).filter(isOther)], [sent, sent.map((text) => `other ${text}`)]);
    for (const client of [one, two]) client.close();
  });

  test(`${by}: an app that was restarted sends what its queue has kept, and shows what it had without a network`, async () => {
    const [ann, bob] = [name('ann', 3), name('bob', 3)];
    const id = await server.group(ann, bob);
    await server.post(bob, id, 'from before');
    const kept = device();
    const first = await open(ann, by, kept);
    await first.phase('live');
    await link.become('refused');
    await come('it is seen', () => first.chat.state.phase === 'waiting');
    const clientId = first.say(id, 'kept');
    await come('the storage has it', () => first.chat.state.queue[0]?.status === 'waiting');
    first.close();
    await server.post(bob, id, 'missed');

    const second = await open(ann, by, kept);
    await come('it is restored', () => second.chat.state.userId === ann);
    assert.deepEqual([second.texts(id), second.chat.state.queue[0]?.request.entry?.clientId], [['from before'], clientId]);
    assert.match(second.chat.state.syncToken, /^.{34,}$/, 'it names no positions');
    await link.become('open');
    second.networkFound();
    await come('it is stored', () => second.of('posted').length === 1);
    await come('it came, and what was missed', () => second.texts(id).length === 3);
    assert.deepEqual(second.texts(id), ['from before', 'missed', 'kept']);
    assert.deepEqual((await kept.storage.load(ann)).queue, []);
    second.close();
  });

  test(`${by}: two devices of a user stay in step: sent, edited, deleted, reacted to, read and hidden`, async () => {
    const [ann, bob] = [name('ann', 4), name('bob', 4)];
    const id = await server.group(ann, bob);
    const [phone, tablet, other] = [await open(bob, by), await open(bob, by), await open(ann, by)];
    const all = [phone, tablet, other];
    await Promise.all(all.map((client) => client.phase('live')));
    const upTo = (seq: bigint) => come(`all have ${seq}`, () => all.every(({ chat }) => chat.state.conversations.get(id)?.last?.seq === seq));
    for (const text of ['one', 'two', 'three']) other.say(id, text); // events 2, 3 and 4
    await upTo(4n);
    assert.deepEqual([phone.unread(id), tablet.unread(id), other.unread(id)], [3, 3, 0]);
    other.send(id, { $case: 'edit', value: { targetSeq: 2n, content: { text: 'ONE', data: Buffer.of(), attachments: [] } } });
    await upTo(5n);
    other.send(id, { $case: 'delete', value: { targetSeq: 3n } });
    await upTo(6n);
    phone.send(id, { $case: 'react', value: { targetSeq: 2n, reaction: '+1', remove: false } });
    await upTo(7n);
    for (const client of all) assert.deepEqual(client.texts(id), ['ONE', undefined, 'three']);
    assert.deepEqual([phone.unread(id), tablet.unread(id)], [2, 2]);

    phone.chat.dispatch({ type: 'read', conversationId: id, seq: 2n });
    assert.equal(phone.unread(id), 1, 'at once on the device that reads');
    await come('the tablet follows', () => tablet.unread(id) === 1);
    await come('the other member sees it', () => other.chat.state.conversations.get(id)?.receipts.get(bob)?.readSeq === 2n);
    await server.call(bob, 'HideMessage', { conversationId: id, seq: 4n });
    for (const client of [phone, tablet]) await come('it is hidden on both', () => client.texts(id).length === 2 && client.unread(id) === 0);
    assert.equal(other.texts(id).length, 3);

    tablet.chat.dispatch({ type: 'typing', conversationId: id });
    await come('it is seen that bob types', () => other.of('typing').some(({ users }) => users.includes(bob)));
    await server.call(ann, 'ChangeMembers', { conversationId: id, changes: [{ userId: bob, role: 0 }] });
    for (const client of [phone, tablet]) await come('it is dropped', () => client.chat.state.conversations.get(id) === undefined);
    for (const client of all) client.close();
  });

  test(`${by}: a message that the server refuses by a rule is given up, and those beside it are sent`, async () => {
    const [ann, bob] = [name('ann', 5), name('bob', 5)];
    const [id, other] = [await server.group(ann, bob), await server.group(ann, bob)];
    const client = await open(ann, by);
    await client.phase('live');
    const wrong = client.send(id, { $case: 'message', value: { content: { text: 'x', data: Buffer.of(), attachments: [] }, replyToSeq: 2n ** 60n } });
    client.say(other, 'beside');
    client.say(id, 'behind');
    await come('all three are answered', () => client.of('posted').length >= 3 && client.chat.state.queue.length === 0);
    assert.deepEqual(
      client.of('posted').flatMap(({ clientId, reason }) => (reason === '' ? [] : [[clientId, reason]])),
      [[wrong, 'REQUEST_INVALID']],
    );
    await client.phase('live');
    await come('both came', () => client.texts(other).length === 1 && client.texts(id).length === 1);
    client.close();
  });

  test(`${by}: of a long conversation the end comes, its gap is named, and the rest is loaded`, async () => {
    const [ann, bob] = [name('ann', 6), name('bob', 6)];
    const id = await server.group(ann, bob);
    for (let n = 0; n < 130; n++) await server.post(ann, id, `${n}`);
    const client = await open(bob, by);
    await client.phase('live');
    assert.deepEqual([client.texts(id).length, client.of('events')[0]?.gap, client.unread(id)], [20, true, 130]);
    const first = () => client.chat.state.conversations.get(id)?.events[0]?.seq ?? 0n;
    for (let before = 0n; first() > 2n && first() !== before; ) {
      before = first();
      client.chat.dispatch({ type: 'load', conversationId: id, beforeSeq: before });
      await come('older ones', () => first() < before);
    }
    assert.deepEqual(
      client.texts(id),
      Array.from({ length: 130 }, (_, n) => `${n}`),
    );
    client.close();
  });

  test(`${by}: nothing of a user is left for the next one`, async () => {
    const [ann, bob] = [name('ann', 7), name('bob', 7)];
    const id = await server.group(ann, bob);
    await server.post(bob, id, 'for ann');
    const kept = device();
    const client = await open(ann, by, kept);
    await client.phase('live');
    await link.become('refused');
    await come('it is seen', () => client.chat.state.phase === 'waiting');
    const clientId = client.say(id, 'never sent');
    await link.become('open');
    await client.session.signOut();
    assert.deepEqual([client.chat.state.phase, client.chat.state.conversations.size, client.chat.state.queue], ['stopped', 0, []]);
    assert.ok(client.of('posted').some((notice) => notice.clientId === clientId && notice.reason === 'CANCELLED'));
    const next = await open(bob, by, kept);
    await next.phase('live');
    assert.deepEqual([next.texts(id), (await kept.storage.load(bob)).queue], [['for ann'], []]);
    for (const each of [client, next]) each.close();
  });
}

test('a stream that was left while its connection was slow does not displace the next one', async () => {
  await using slow = await openSlowPort(link.port);
  const [ann, kept] = ['ann-client-slow', device()];
  const before = await open(ann, 'gRPC of nice-grpc', kept);
  await before.phase('live');
  before.close();

  const client = await open(ann, 'gRPC of nice-grpc', kept, slow.port);
  await come('its first connection waits', () => slow.first() !== undefined);
  client.networkFound();
  await client.phase('live');
  slow.carry();
  await come('it has left the first connection', () => slow.first()?.closed === true);
  assert.deepEqual([client.chat.state.phase, client.of('refused')], ['live', []]);
  client.close();
});

/** A port before another one, whose first connection is carried only when asked to. */
async function openSlowPort(to: string) {
  const sockets: Socket[] = [];
  const carry = (socket: Socket) => {
    const through = connect(Number(to), '127.0.0.1');
    sockets.push(through);
    socket.pipe(through).pipe(socket);
    for (const [one, other] of [
      [socket, through],
      [through, socket],
    ] as const)
      one.on('error', () => {}).once('close', () => other.destroy());
  };
  let first: Socket | undefined;
  const server = createServer((socket) => {
    sockets.push(socket);
    if (first !== undefined) return carry(socket);
    first = socket.on('error', () => {});
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: String((server.address() as AddressInfo).port),
    first: () => first,
    carry: () => first && carry(first),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
