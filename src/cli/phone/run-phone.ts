import { randomUUID } from 'node:crypto';
import type { ChatNotice } from '../../client/chat/state.ts';
import { textContent } from '../../client/chat/text-content.ts';
import { type Client, openClient } from '../../client/client.ts';
import type { Notice } from '../../client/live/state.ts';
import { nodeTransport } from '../../client/node-transport.ts';
import type { PushAction } from '../../client/push/step.ts';
import { memoryTokenStore } from '../../client/session.ts';
import { GetHomeRequest } from '../../gen/app/v1/home.ts';
import { ChatServiceDefinition, ConversationKind } from '../../gen/portico/v1/chat.ts';
import { releaseVersion } from '../../release/release.ts';
import { pushFolder } from '../../wire/push.ts';
import { systemClock } from '../../wire/system-clock.ts';
import { urlHost } from '../banner.ts';
import { Exit, exitCodes } from '../exit-codes.ts';
import { type SettingsFlags, settingsOf } from '../settings-flags.ts';
import { run } from './chat-commands.ts';
import { onKey, unreadIn, type View, type Wish } from './chat-view.ts';
import { drawChat, titleOf } from './draw-chat.ts';
import { draw } from './draw-screen.ts';
import { openTerminal } from './open-terminal.ts';
import { receivePushes } from './receive-pushes.ts';
import { type Contents, emptyContents, topicsOf, withNotice, withPush } from './screen-contents.ts';
import { authorityOf, platform, signIn } from './sign-in.ts';

type PhoneFlags = SettingsFlags & { readonly user: string; readonly address?: string; readonly ca?: string; readonly appVersion?: string };

const homeWatch = 1;
/** The time limit of the sign-out. Milliseconds. */
const signOutMaxMs = 1_000;

/** `portico phone`: the sample app in a terminal, on the client of src/client. Ends when the user quits. */
export async function runPhone({ user, address, ca, appVersion = releaseVersion(), ...flags }: PhoneFlags): Promise<void> {
  const settings = settingsOf('dev', flags);
  const server = address ?? `${urlHost(settings.hosts.public)}:${settings.public.port}`;
  if (!/^(\[[\da-f:.]+\]|[^\s:/[\]]+):\d{1,5}$/i.test(server))
    throw new Exit(exitCodes.usage, `--address ${server}: a host and a port are needed, such as localhost:8443.`);
  if (!process.stdin.isTTY || !process.stdout.isTTY)
    throw new Exit(exitCodes.usage, '`portico phone` draws on a terminal and reads its keys: its input and output are none here.');
  const authority = authorityOf(settings, address !== undefined, ca);

  const quit = Promise.withResolvers<void>();
  let contents = emptyContents(user);
  let view: View = { at: 'home' };
  let answer: readonly string[] = [];
  let show = () => {};
  const say = (lines: readonly string[]) => {
    answer = lines;
    show();
  };
  const onPushAction = (action: PushAction) => {
    const { conversations, userId } = client.chat.state;
    const chatting = action.do === 'show' && action.push.kind === 'message' ? conversations.get(action.push.conversationId) : undefined;
    contents = withPush(contents, action, chatting === undefined ? 'chat' : titleOf(chatting, userId), timeText(new Date()));
    show();
  };
  const onChatNotice = ({ kind }: ChatNotice) => {
    if (kind === 'conversation' || kind === 'events' || kind === 'left') contents = { ...contents, unread: unreadIn(client.chat.state) };
    readShown(client, view);
    show();
  };
  const onNotice = (notice: Notice) => {
    contents = withNotice(contents, notice, timeText(new Date()));
    if (notice.kind === 'snapshot') followOrders(client, contents);
    show();
  };
  const client = openClient({
    transport: nodeTransport({ address: server, ...(authority && { ca: authority }) }),
    tokens: memoryTokenStore(),
    clock: systemClock,
    random: Math.random,
    headers: { 'app-platform': platform, 'app-version': appVersion },
    onNotice,
    onChatNotice,
    onPushAction,
  });
  const pushes =
    address === undefined ? receivePushes(pushFolder(settings.dataDir), (data) => client.push.dispatch({ type: 'pushed', data })) : undefined;
  try {
    await signIn(client, server, user);
    if (pushes !== undefined) client.push.register({ token: { $case: 'fcm', value: { token: pushes.token } } }).catch(() => {}); // without pushes
    const terminal = openTerminal((name, text) => {
      const { view: next, wish } = onKey(view, { name, text }, client.chat.state);
      view = next;
      if (name === 'return' || name === 'escape') answer = [];
      if (wish?.do === 'quit') quit.resolve();
      else if (wish?.do === 'command') void run(client, wish.command, say).then(say);
      else if (wish !== undefined) act(client, wish);
      readShown(client, view);
      show();
    });
    try {
      show = () =>
        terminal.show((size) => (view.at === 'home' ? draw(contents, size) : drawChat(client.chat.state, view, size, { ...contents, answer })));
      client.live.dispatch({
        type: 'watch',
        id: homeWatch,
        method: 'app.v1.HomeService/GetHome',
        request: Buffer.from(GetHomeRequest.encode({}).finish()),
      });
      client.live.dispatch({ type: 'start' });
      client.chat.dispatch({ type: 'start' });
      await Promise.race([quit.promise, terminal.closed]);
    } finally {
      show = () => {};
      terminal.close();
    }
    const late = new Promise<void>((resolve) => setTimeout(resolve, signOutMaxMs).unref());
    await Promise.race([client.session.signOut(), late]);
  } finally {
    pushes?.close();
    client.close();
    setTimeout(() => process.exit(), signOutMaxMs).unref(); // a connection to a server that does not answer keeps the process alive
  }
}

/** Subscribes the couriers of the orders on the screen, and no others. */
function followOrders({ live }: Client, contents: Contents): void {
  const wanted = topicsOf(contents);
  for (const topic of wanted) if (!live.state.topics.has(topic)) live.dispatch({ type: 'subscribe', topic });
  for (const topic of live.state.topics.keys()) if (!wanted.includes(topic)) live.dispatch({ type: 'unsubscribe', topic });
}

/** What is on the screen has been read, and the user is there. */
function readShown({ chat, push }: Client, view: View): void {
  push.dispatch({ type: 'screen', conversationId: view.at === 'chat' ? view.conversationId : '' });
  chat.dispatch({ type: 'look', conversationIds: view.at === 'chat' ? [view.conversationId] : [] });
  if (view.at !== 'chat') return;
  const { conversationId } = view;
  const last = chat.state.conversations.get(conversationId)?.last;
  if (last !== undefined) chat.dispatch({ type: 'read', conversationId, seq: last.seq });
}

function act(client: Client, wish: Exclude<Wish, { do: 'quit' | 'command' }>): void {
  const { chat, calls } = client;
  switch (wish.do) {
    case 'toggleNetwork':
      toggleNetwork(client);
      break;
    case 'retry':
      client.networkFound();
      break;
    case 'typing':
      chat.dispatch({ type: 'typing', conversationId: wish.conversationId });
      break;
    case 'load': {
      const gap = chat.state.conversations.get(wish.conversationId)?.events[0];
      if (gap !== undefined) chat.dispatch({ type: 'load', conversationId: wish.conversationId, beforeSeq: gap.seq });
      break;
    }
    case 'post': {
      const what = { $case: 'message', value: { content: textContent(wish.text), replyToSeq: 0n } } as const;
      chat.dispatch({ type: 'post', request: { conversationId: wish.conversationId, entry: { clientId: randomUUID(), what } } });
      break;
    }
    case 'create': {
      const request = { kind: ConversationKind.CONVERSATION_KIND_DIRECT, userIds: [wish.user], title: '', subject: '', clientId: randomUUID() };
      calls.call(ChatServiceDefinition, 'createConversation', request).catch(() => {}); // a user who may not be reached: nothing comes
    }
  }
}

function toggleNetwork({ live, chat, networkFound, networkLost }: Client): void {
  if (live.state.phase === 'refused') for (const stream of [live, chat]) stream.dispatch({ type: 'start' });
  else if (live.state.phase === 'offline') networkFound();
  else networkLost();
}

/** "12:00:59" in the zone of the machine. */
function timeText(time: Date): string {
  return [time.getHours(), time.getMinutes(), time.getSeconds()].map((part) => String(part).padStart(2, '0')).join(':');
}
