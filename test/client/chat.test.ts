// The chat of src/client against a real server, by each of its transports: sent, cut, restarted, and with two devices.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { setDefaultCACertificates } from 'node:tls';
import type { ChatNotice } from '../../src/client/chat/state.ts';
import { type ChatStorage, memoryChatStorage } from '../../src/client/chat/storage.ts';
import { unreadOf } from '../../src/client/chat/unread.ts';
import { type Client, openClient } from '../../src/client/client.ts';
import { nodeTransport } from '../../src/client/node-transport.ts';
import { memoryTokenStore, type TokenStore } from '../../src/client/session.ts';
import { webTransport } from '../../src/client/web-transport.ts';
import type { Entry } from '../../src/gen/portico/v1/chat.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { type FaultyLink, openFaultyLink } from '../support/link/faulty-link.ts';
import { type ChatServer, openChatServer } from '../support/server/chat-server.ts';
import { until } from '../support/time/until.ts';

let server: ChatServer;
let link: FaultyLink;
before(async () => {
  server = await openChatServer();
  link = await openFaultyLink(`127.0.0.1:${new URL(server.url).port}`);
  setDefaultCACertificates([server.ca]);
});
after(async () => {
  await link?.close();
  await server?.close();
});

const transports = {
  'gRPC of nice-grpc': (port: string) => nodeTransport({ address: `localhost:${port}`, ca: Buffer.from(server.ca) }),
  'Connect over fetch': (port: string) => webTransport({ url: `https://localhost:${port}`, fetch }),
} as const;
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

/** An app of a user, signed in unless its tokens say so, whose network is the link. */
async function open(user: string, by: By, { storage, tokens }: Kept = device()): Promise<Device> {
  const notices: ChatNotice[] = [];
  const client = openClient({
    transport: transports[by](link.address.split(':')[1] ?? ''),
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
    say: (conversationId, text) => send(conversationId, { $case: 'message', value: { content: { text, data: Buffer.of() }, replyToSeq: 0n } }),
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
}
