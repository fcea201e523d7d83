import type { Clock } from '../../core/kit/clock.ts';
import { type ChatEvent, ChatServiceDefinition } from '../../gen/portico/v1/chat.ts';
import { CallError } from '../call-error.ts';
import type { Calls } from '../calls.ts';
import type { Session } from '../session.ts';
import { runStream } from '../stream/run-stream.ts';
import type { ClientTransport, Headers } from '../transport.ts';
import { saveWhatHolds } from './failed-saves.ts';
import { posted } from './send-queue.ts';
import { type ChatNotice, type ChatState, type ChatWish, type ChatWork, initialState } from './state.ts';
import { step } from './step.ts';
import type { ChatStorage } from './storage.ts';

/** The stream of conversations, for as long as the app runs. */
export type Chat = {
  /**
   * What an app wants, and what the operating system reports: start, post, read, load, networkLost, … What the storage
   * has comes first: until then an event waits.
   */
  dispatch(event: ChatWish): void;
  /** What to show. */
  readonly state: ChatState;
  /** Says goodbye. */
  close(): void;
};

type ChatParts = {
  readonly transport: Pick<ClientTransport, 'chat'>;
  readonly session: Session;
  readonly calls: Pick<Calls, 'call'>;
  readonly storage: ChatStorage;
  readonly clock: Clock;
  readonly random: () => number;
  readonly headers: Headers;
  /** Called in order. What it throws ends the process's turn, not the stream: handle errors inside. */
  readonly onNotice: (notice: ChatNotice) => void;
};

/** Events that need nothing of the storage. */
const atOnce = new Set<ChatWish['type']>(['forget', 'stop', 'networkLost', 'networkFound']);

/** Gives the machine of step.ts its storage. */
export function openChat({ transport, calls, storage: given, ...parts }: ChatParts): Chat {
  const { session, onNotice } = parts;
  const storage = saveWhatHolds(given);
  /** One change of the storage after the other. */
  let storing: Promise<unknown> = Promise.resolve();
  /** What was wished before the storage has answered; undefined: it has. */
  let held: ChatWish[] | undefined = [];
  let loading = false;
  /** Raised by `forget`: what was asked for an earlier user is dropped. */
  let user = 0;

  const work = (action: ChatWork): void => {
    const mine = user;
    switch (action.do) {
      case 'save':
        storing = storing.then(async () => {
          const type = await storage.save(action.changes).then(
            () => 'saved' as const,
            () => 'saveFailed' as const, // the app is notified
          );
          if (mine === user) running.dispatch({ type, id: action.id });
        });
        return;
      case 'erase':
        storing = storing.then(() => storage.erase()).catch(() => onNotice({ kind: 'storageFailed' }));
        return;
      case 'load': {
        const { conversationId, fromSeq, count } = action;
        const request = { conversationId, pageSize: count, pageToken: '', fromSeq };
        calls.call(ChatServiceDefinition, 'getHistory', request).then(
          ({ events }: { readonly events: readonly ChatEvent[] }) => {
            if (mine === user) running.dispatch({ type: 'loaded', conversationId, events });
          },
          () => {}, // the gap stays, and the app asks again
        );
        return;
      }
    }
  };
  const running = runStream({ ...parts, initial: initialState, step, open: transport.chat, work });

  const load = async () => {
    const mine = user;
    loading = true;
    try {
      const userId = await session.userId();
      await storing; // such as the end of an earlier user
      const kept = await storage.load(userId);
      if (mine !== user) return;
      running.dispatch({ type: 'restore', userId, kept });
      const wishes = held ?? [];
      held = undefined;
      for (const wish of wishes) running.dispatch(wish);
    } catch (error) {
      if (mine !== user) return;
      const wishes = held?.splice(0) ?? [];
      const reason = error instanceof CallError ? error.reason || error.code : 'STORAGE_FAILED'; // such as without a user
      for (const wish of wishes) if (wish.type === 'post') onNotice(posted(wish.request, reason).notice);
      onNotice(error instanceof CallError ? { kind: 'refused', reason } : { kind: 'storageFailed' });
    } finally {
      if (mine === user) loading = false;
    }
  };
  const forget = () => {
    user++;
    held = [];
    loading = false;
    running.dispatch({ type: 'forget' });
  };
  return {
    dispatch: (event) => {
      if (event.type === 'forget') return forget();
      if (held === undefined || atOnce.has(event.type)) return running.dispatch(event);
      held.push(event);
      if (!loading) void load();
    },
    get state() {
      return running.state;
    },
    close: () => running.dispatch({ type: 'stop' }),
  };
}
