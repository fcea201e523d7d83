import type { ChatEvent, ChatHello } from '../../gen/portico/v1/chat.ts';
import { type Chance, type ConnectionTimer, connectionTimers } from '../stream/connection.ts';
import { connectionStep, finished } from '../stream/connection-step.ts';
import { counted, isOpen, leave, same, then, wait } from '../stream/transitions.ts';
import { canonicalIds } from './canonical-ids.ts';
import { chattingOf, eventsMax, onMessage } from './on-message.ts';
import { look } from './presence.ts';
import { read, scheduleReceipts, sendReceipts, unconfirmed } from './receipts.ts';
import { post, posted, queuedIsSaved, sendQueue, suspected, unsent } from './send-queue.ts';
import {
  type ChatClientEvent,
  type ChatDraft,
  type ChatState,
  type Chatting,
  initialState,
  notify,
  type Queued,
  type Step,
  save,
  type TimerName,
  withChatting,
} from './state.ts';
import type { Kept } from './storage.ts';
import { merged } from './timeline.ts';
import { showTyping, type } from './typing.ts';

/** The positions of hello. */
const positionsMax = 4_000;
/** Events of a page, and of a conversation that are held at most: more of them are loaded by the app itself. */
const pageMax = 100n;
const heldMax = 5_000;
/** While a client catches up, the server waits for its acknowledgement. Milliseconds. */
const catchingUpMs = 50;

/**
 * The whole behaviour of a chat, without timers, network, storage and chance of its own: docs/mobile/connection.md has
 * its table, and chat-cases.json beside it the cases for clients in other languages.
 */
export function step(state: ChatState, event: ChatClientEvent, chance: Chance): Step {
  const { state: next, actions } = stepOf({ ...state, nowMs: chance.nowMs }, canonicalIds(event), chance);
  const opens = actions.some((action) => action.do === 'open');
  const ends = actions.some((action) => action.do === 'clearTimers');
  const ended = ends ? unconfirmed(unsent(next)) : next;
  return finished(state, { state: opens ? { ...ended, streams: ended.streams + 1 } : ended, actions }, helloOf);
}

function stepOf(state: ChatState, event: ChatClientEvent, chance: Chance): ChatDraft {
  switch (event.type) {
    case 'restore':
      return restore(state, event.userId, event.kept);
    case 'forget':
      return forget(state);
    case 'post':
      return post(state, event.request);
    case 'read':
      return read(state, event.conversationId, event.seq);
    case 'typing':
      return type(state, event.conversationId);
    case 'look':
      return look(state, event.conversationIds);
    case 'load':
      return load(state, event.conversationId, event.beforeSeq);
    case 'loaded':
      return loaded(state, event.conversationId, event.events);
    case 'saved':
    case 'saveFailed':
      return saved(state, event.id, event.type === 'saved');
    case 'message':
      return isOpen(state) ? (refusedFor(state, event, chance) ?? onMessage(state, event.message, chance)) : same(state);
    case 'timer':
      return isOfConnection(event.name) ? connectionStep(state, { type: 'timer', name: event.name }, chance) : onTimer(state, event.name);
    case 'ended':
      return (isOpen(state) ? refusedFor(state, event, chance) : undefined) ?? connectionStep(state, event, chance);
    default:
      return connectionStep(state, event, chance);
  }
}

/** A stream that ends because a message broke a rule: not for hello, but for an entry of the queue. */
function refusedFor(state: ChatState, event: ChatClientEvent & { readonly type: 'ended' | 'message' }, chance: Chance): ChatDraft | undefined {
  const draft = isOfRule(event) ? suspected(state, 'REQUEST_INVALID') : undefined;
  return draft && then(draft, (next) => wait(next, 0, chance));
}

function isOfRule(event: ChatClientEvent & { readonly type: 'ended' | 'message' }): boolean {
  if (event.type === 'ended') return event.code === 'INVALID_ARGUMENT';
  const { message } = event.message;
  return message?.$case === 'closed' && message.value.reason === 'REQUEST_INVALID';
}

/** What the client has: the last event of each conversation, if the sync token does not stand for it. */
function helloOf({ conversations, ownSeq, syncToken, wishedMs }: ChatState): ChatHello {
  const positions = [...conversations.values()].flatMap(({ conversation, last, isSynced }) =>
    last === undefined || (isSynced && syncToken !== '') ? [] : [{ conversationId: conversation.id, ...last }],
  );
  return { positions: positions.slice(-positionsMax), ownSeq, heartbeatMs: wishedMs, device: '', syncToken };
}

/** What an earlier process has left. */
function restore(state: ChatState, userId: string, { conversations, ownSeq, syncToken, queue }: Kept): ChatDraft {
  const restored = conversations.map(({ conversation, readSeq, events: all, isSynced }): Chatting => {
    const events = all.slice(-eventsMax);
    const last = events.at(-1);
    return { ...chattingOf, conversation, readSeq, events, isSynced, last: last && { seq: last.seq, eventId: last.eventId } };
  });
  return same({
    ...state,
    userId,
    conversations: new Map(restored.map((chatting) => [chatting.conversation.id, chatting])),
    queue: queue.map((request): Queued => ({ request, status: 'waiting', seq: 0n })),
    ownSeq,
    ownSeen: ownSeq,
    syncToken,
  });
}

function forget(state: ChatState): ChatDraft {
  const { actions } = leave(state, isOpen(state));
  const dropped = state.queue.filter(({ status }) => status !== 'stored').map(({ request }) => posted(request, 'CANCELLED'));
  return { state: { ...initialState, wishedMs: state.wishedMs, saves: state.saves }, actions: [...actions, { do: 'erase' }, ...dropped] };
}

/** The storage has answered. What it could not keep counts all the same: the client has it. */
function saved(state: ChatState, id: number, isSaved: boolean): ChatDraft {
  const done = state.saving.get(id);
  if (done === undefined) return same(state);
  const saving = new Map(state.saving);
  saving.delete(id);
  const { stream, count, upTo, queued } = done;
  let draft: ChatDraft = {
    state: { ...state, saving, isUnsaved: state.isUnsaved || !isSaved },
    actions: isSaved ? [] : [notify({ kind: 'storageFailed' })],
  };
  if (queued !== undefined) draft = then(draft, (next) => queuedIsSaved(next, queued, isSaved));
  if (upTo !== undefined) draft = then(draft, (next) => scheduleReceipts(next, upTo.conversationId, upTo.seq));
  const isPresent = count > 0 && stream === state.streams && isOpen(state);
  return isPresent ? then(draft, (next) => counted(next, count, next.phase === 'syncing' ? catchingUpMs : undefined)) : draft;
}

/** The events directly before one, as far as they are missing. */
function load(state: ChatState, conversationId: string, beforeSeq: bigint): ChatDraft {
  const chatting = state.conversations.get(conversationId);
  if (chatting === undefined || chatting.events.length >= heldMax) return same(state);
  const before = chatting.events.findLast(({ seq }) => seq < beforeSeq)?.seq ?? chatting.conversation.own?.afterSeq ?? 0n;
  const missing = beforeSeq - before - 1n;
  if (missing < 1n) return same(state);
  const count = missing < pageMax ? missing : pageMax;
  return { state, actions: [{ do: 'load', conversationId, fromSeq: beforeSeq - count, count: Number(count) }] };
}

/** Older events, or those of a gap: the position stays. */
function loaded(state: ChatState, conversationId: string, events: readonly ChatEvent[]): ChatDraft {
  const chatting = state.conversations.get(conversationId);
  const older = events.filter(({ seq }) => seq <= (chatting?.last?.seq ?? 0n));
  if (chatting === undefined || older.length === 0) return same(state);
  const next = withChatting(state, { ...chatting, events: merged(chatting.events, older) });
  const draft = save(next, [{ kind: 'events', conversationId, events: older }]);
  return { ...draft, actions: [...draft.actions, notify({ kind: 'events', conversationId, events: older, gap: false })] };
}

function isOfConnection(name: TimerName): name is ConnectionTimer {
  return (connectionTimers as readonly string[]).includes(name);
}

function onTimer(state: ChatState, name: Exclude<TimerName, ConnectionTimer>): ChatDraft {
  if (name === 'post') return sendQueue({ ...state, postsHeld: false });
  if (name === 'receipts') return sendReceipts({ ...state, receiptsDue: false });
  const [, conversationId = '', userId = ''] = /^typing (\S+) (.*)$/s.exec(name) ?? [];
  return showTyping(state, conversationId, userId, false);
}
