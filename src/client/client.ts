import type { Clock } from '../core/kit/clock.ts';
import { type Bootstrap, openBootstrap } from './bootstrap.ts';
import { type Calls, openCalls } from './calls.ts';
import { type Chat, openChat } from './chat/chat.ts';
import type { ChatNotice } from './chat/state.ts';
import { type ChatStorage, memoryChatStorage } from './chat/storage.ts';
import { type Live, openLive } from './live/live.ts';
import type { Notice } from './live/state.ts';
import { type Media, openMedia } from './media/media.ts';
import { type OfflineQueue, openOfflineQueue } from './offline-queue.ts';
import { type Outdated, watchForUpdates } from './outdated.ts';
import { openPush, type Push } from './push/push.ts';
import type { PushAction } from './push/step.ts';
import { countUnread } from './push/unread-and-badge.ts';
import { openSafety, type Safety } from './safety.ts';
import { openSession, type Session, type TokenStore } from './session.ts';
import type { ClientTransport, Headers } from './transport.ts';

export type ClientParts = {
  readonly transport: ClientTransport;
  readonly tokens: TokenStore;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  /** Sent with each call, such as accept-language, app-platform and app-version. */
  readonly headers?: Headers;
  readonly onNotice?: (notice: Notice) => void;
  /** Of the chat. */
  readonly onChatNotice?: (notice: ChatNotice) => void;
  /** What the platform is to do of pushes. `connect` is done by then. */
  readonly onPushAction?: (action: PushAction) => void;
  /** Where the chat and its queue are kept; unset: for as long as the process lives. */
  readonly chatStorage?: ChatStorage;
  /** The session has ended: show the sign-in. */
  readonly onSignedOut?: (reason: string) => void;
  /** Called once: this version of the app is refused from now on. */
  readonly onOutdated?: (outdated: Outdated) => void;
};

/** What an app needs of a Portico server. */
export type Client = {
  /** Signing in and out drops what is wanted, waits or was answered: sign in first, then subscribe and watch. */
  readonly session: Session;
  /** What to ask for first, signed in or not. */
  readonly bootstrap: Bootstrap;
  readonly calls: Calls;
  readonly live: Live;
  readonly chat: Chat;
  readonly push: Push;
  readonly media: Media;
  readonly safety: Safety;
  /** Idempotent writes, which may wait for a network. */
  readonly queue: OfflineQueue;
  /** Set once this version of the app is refused; its streams rest then. */
  readonly outdated: Outdated | undefined;
  /** The hook for the operating system's network monitor: a new network, or one again. */
  networkFound(): void;
  networkLost(): void;
  close(): void;
};

/**
 * The client of an app: a reference for those in Swift and Kotlin. It runs wherever JavaScript does; the transport
 * knows the platform.
 */
export function openClient({
  transport: given,
  tokens,
  clock,
  random,
  headers = {},
  onNotice = () => {},
  onChatNotice = () => {},
  onPushAction = () => {},
  chatStorage = memoryChatStorage(),
  onSignedOut = () => {},
  onOutdated = () => {},
}: ClientParts): Client {
  let outdated: Outdated | undefined;
  const transport = watchForUpdates(given, (refused) => {
    const isNew = outdated === undefined;
    outdated = refused;
    if (isNew) onOutdated(refused);
  });
  const session = openSession({
    transport,
    store: tokens,
    clock,
    headers,
    onEnded: (reason) => {
      media.clear();
      calls.clear();
      push.dispatch({ type: 'signedOut' });
      onSignedOut(reason);
    },
  });
  const calls = openCalls({ transport, session, clock, random, headers });
  const live = openLive({ transport, session, clock, random, headers, onNotice });
  const onChat = (notice: ChatNotice) => {
    count(notice, chat.state);
    onChatNotice(notice);
  };
  const chat = openChat({ transport, session, calls, storage: chatStorage, clock, random, headers, onNotice: onChat });
  const push = openPush({
    session,
    calls,
    onAction: (action) => {
      if (action.do === 'connect') connect(chat);
      onPushAction(action);
    },
  });
  const media = openMedia({ transport: transport.media, calls, clock, random });
  const count = countUnread(clock, push.dispatch);
  const queue = openOfflineQueue(calls, clock, random);
  /** Whoever is signed in next neither sees nor sends what was of another user. */
  const forget = () => {
    live.dispatch({ type: 'forget' });
    chat.dispatch({ type: 'forget' });
    push.dispatch({ type: 'signedOut' });
    queue.clear();
    media.clear();
    calls.clear();
  };
  return {
    session: {
      ...session,
      signIn: async (request) => {
        forget();
        await session.signIn(request);
        push.dispatch({ type: 'signedIn' });
      },
      signOut: () => {
        forget();
        return session.signOut();
      },
    },
    bootstrap: openBootstrap(transport, headers),
    calls,
    live,
    chat,
    push,
    media,
    safety: openSafety(calls),
    queue,
    get outdated() {
      return outdated;
    },
    networkFound: () => {
      live.dispatch({ type: 'networkFound' });
      chat.dispatch({ type: 'networkFound' });
      media.networkFound();
      queue.wake();
    },
    networkLost: () => {
      live.dispatch({ type: 'networkLost' });
      chat.dispatch({ type: 'networkLost' });
      media.networkLost();
    },
    close: () => {
      live.close();
      chat.close();
      media.clear();
      queue.close();
      transport.close();
    },
  };
}

/** A push has come: nothing is waited for. Whether there is a network is the operating system's to say. */
function connect({ state, dispatch }: Chat): void {
  dispatch({ type: state.phase === 'waiting' ? 'networkFound' : 'start' });
}
