import type { CaughtUp, ChatEvents, ChatResponse, ConversationState, Receipt } from '../../gen/portico/v1/chat.ts';
import type { Chance } from '../stream/connection.ts';
import { alive, onStreamMessage, startsOver } from '../stream/on-stream-message.ts';
import { same, then, upToDate } from '../stream/transitions.ts';
import { sendLooking, showPresence } from './presence.ts';
import { sendReceipts } from './receipts.ts';
import { answered, arrived, lost, sendQueue, unawaited } from './send-queue.ts';
import { type ChatDraft, type ChatState, type Chatting, notify, save, withChatting } from './state.ts';
import { hidden, isOf, later, merged } from './timeline.ts';
import { showTyping } from './typing.ts';
import { unreadOf } from './unread.ts';

/** Events of a conversation that are kept as they come; older ones can be loaded. */
export const eventsMax = 200;

/** What a message of the server changes. Kinds that this client does not know are signs of life, and nothing else. */
export function onMessage(state: ChatState, { message }: ChatResponse, chance: Chance): ChatDraft {
  return alive(stepOf(state, message, chance));
}

function stepOf(state: ChatState, message: ChatResponse['message'], chance: Chance): ChatDraft {
  const common: ChatDraft | undefined = onStreamMessage(state, message, chance);
  if (common !== undefined) {
    if (message?.$case === 'welcome') return then(then(then(common, sendQueue), sendReceipts), sendLooking);
    return startsOver(common) ? then({ ...common, state: forgotten(common.state) }, (next) => save(next, [{ kind: 'startOver' }])) : common;
  }
  switch (message?.$case) {
    case 'conversation':
      return conversation(state, message.value);
    case 'events':
      return events(state, message.value);
    case 'left':
      return left(state, message.value.conversationId);
    case 'caughtUp':
      return caughtUp(state, message.value);
    case 'syncReset':
      return syncReset(state);
    case 'posted':
      return answered(state, message.value, chance);
    case 'presence':
      return showPresence(state, message.value);
    case 'receipt':
      return receipt(state, message.value);
    case 'typing':
      return message.value.userId === state.userId ? same(state) : showTyping(state, message.value.conversationId, message.value.userId, true);
    default:
      return same(state);
  }
}

/** Without anything that the server has sent. */
function forgotten(state: ChatState): ChatState {
  const queue = state.queue.map(({ request }) => request.conversationId);
  const again = queue.reduce(lost, state); // what was answered is perhaps not there
  return { ...again, conversations: new Map(), ownSeq: 0n, ownSeen: 0n, syncToken: '', isUnsaved: false };
}

/** The server has counted everything up to `as_of_seq`, and the user's own changes up to `own_seq`. */
function conversation(state: ChatState, { conversation: given, reset }: ConversationState): ChatDraft {
  if (given === undefined) return same(state);
  const known = reset ? undefined : state.conversations.get(given.id);
  const { ownSeq = 0n, hiddenSeqs = [] } = given.own ?? {};
  const next = { ...(known ?? chattingOf), conversation: given, events: hidden(known?.events ?? [], hiddenSeqs) };
  const ownSeen = later(ownSeq, state.ownSeen);
  const before = reset ? lost(state, given.id) : state;
  const draft = save(withOwnSeen(withChatting(before, next), ownSeen), [
    { kind: 'conversation', conversation: given, reset },
    ...(state.phase === 'live' ? [{ kind: 'ownSeq', ownSeq: ownSeen } as const] : []),
  ]);
  const noticed: ChatDraft = { ...draft, actions: [...draft.actions, notify({ kind: 'conversation', conversationId: given.id, reset })] };
  const queued = reset ? then(noticed, sendQueue) : noticed;
  return known === undefined && state.looking.includes(given.id) ? then(queued, sendLooking) : queued; // such as added again
}

/** A conversation without anything. */
export const chattingOf: Omit<Chatting, 'conversation'> = {
  events: [],
  last: undefined,
  isSynced: false,
  readSeq: 0n,
  savedSeq: 0n,
  deliveredSeq: 0n,
  readSentSeq: 0n,
  receipts: new Map(),
  typing: [],
  present: undefined,
};

/** While the client catches up, own changes come conversation by conversation, and not in their order. */
function withOwnSeen(state: ChatState, ownSeen: bigint): ChatState {
  return { ...state, ownSeen, ...(state.phase === 'live' && { ownSeq: ownSeen }) };
}

function events(state: ChatState, { conversationId, afterSeq, events: came }: ChatEvents): ChatDraft {
  const chatting = state.conversations.get(conversationId);
  const lastSeq = chatting?.last?.seq ?? 0n;
  const news = came.filter(({ seq }) => seq > lastSeq);
  const last = news.at(-1);
  if (chatting === undefined || last === undefined) return save(state, [], { count: came.length }); // in its turn
  const next = bounded(
    { ...chatting, events: merged(chatting.events, news), last: { seq: last.seq, eventId: last.eventId }, isSynced: false },
    state.userId,
  );
  const gap = afterSeq > (chatting.last?.seq ?? chatting.conversation.own?.afterSeq ?? 0n);
  let draft = save(withChatting(state, next), [{ kind: 'events', conversationId, events: news }], {
    count: came.length,
    upTo: { conversationId, seq: last.seq },
  });
  draft = { ...draft, actions: [...draft.actions, notify({ kind: 'events', conversationId, events: news, gap })] };
  const own = new Set(news.filter((event) => isOf(state.userId, event)).map(({ clientId }) => clientId));
  draft = then(draft, (after) => arrived(after, conversationId, own, last.seq));
  const senders = new Set(news.flatMap(({ sender, what }) => (sender !== undefined && what?.$case === 'message' ? [sender.id] : [])));
  return [...senders].reduce((before, userId) => then(before, (after) => showTyping(after, conversationId, userId, false)), draft);
}

/** The oldest events leave, and what they say of the unread count stays. */
function bounded(chatting: Chatting, userId: string): Chatting {
  const { conversation, events, last } = chatting;
  if (events.length <= eventsMax || conversation.own === undefined || last === undefined) return chatting;
  const own = { ...conversation.own, unread: unreadOf(chatting, userId), asOfSeq: last.seq };
  const readSeq = later(chatting.readSeq, own.readSeq);
  return { ...chatting, conversation: { ...conversation, own: { ...own, readSeq } }, readSeq, events: events.slice(-eventsMax) };
}

function left(state: ChatState, conversationId: string): ChatDraft {
  const conversations = new Map(state.conversations);
  if (!conversations.delete(conversationId)) return same(state);
  const draft = save(unawaited({ ...state, conversations }, conversationId), [{ kind: 'left', conversationId }]);
  return { ...draft, actions: [...draft.actions, notify({ kind: 'left', conversationId })] };
}

/** All that there was has come, and was acknowledged: the token stands for it, unless the storage lacks something. */
function caughtUp(state: ChatState, { syncToken }: CaughtUp): ChatDraft {
  const { ownSeen } = state;
  const isToken = syncToken !== '' && !state.isUnsaved;
  const all = [...state.conversations.values()].map((chatting) => ({ ...chatting, isSynced: true }));
  const synced = isToken ? { ...withChatting(state, ...all), syncToken } : state;
  const draft = save({ ...synced, ownSeq: ownSeen }, [
    { kind: 'ownSeq', ownSeq: ownSeen },
    ...(isToken ? [{ kind: 'synced', syncToken } as const] : []),
  ]);
  return { ...draft, state: { ...upToDate(draft.state), careful: false } };
}

/** The server has another database than before: everything follows anew, on this stream. */
function syncReset(state: ChatState): ChatDraft {
  const draft = save(forgotten(state), [{ kind: 'startOver' }]);
  return then({ ...draft, actions: [...draft.actions, notify({ kind: 'startOver' })] }, sendQueue);
}

function receipt(state: ChatState, { conversationId, userId, deliveredSeq, readSeq }: Receipt): ChatDraft {
  const chatting = state.conversations.get(conversationId);
  if (chatting === undefined || userId === state.userId) return same(state);
  const before = chatting.receipts.get(userId) ?? { deliveredSeq: 0n, readSeq: 0n };
  const after = {
    deliveredSeq: later(deliveredSeq, before.deliveredSeq),
    readSeq: later(readSeq, before.readSeq),
  };
  if (after.deliveredSeq === before.deliveredSeq && after.readSeq === before.readSeq) return same(state);
  return {
    state: withChatting(state, { ...chatting, receipts: new Map(chatting.receipts).set(userId, after) }),
    actions: [notify({ kind: 'receipt', conversationId, userId, ...after })],
  };
}
