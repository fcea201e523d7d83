import { same, timer } from '../stream/transitions.ts';
import { type ChatDraft, type ChatState, type Chatting, notify, save, withChatting } from './state.ts';
import { later } from './timeline.ts';

/** Receipts of a conversation are sent together, so many at once. Milliseconds, and messages. */
const receiptsMs = 1_000;
const receiptsMax = 5;

const isAnswered = ({ phase }: ChatState) => phase === 'syncing' || phase === 'live';

/** The device has events up to this one: it is confirmed soon, with others. */
export function scheduleReceipts(state: ChatState, conversationId: string, seq: bigint): ChatDraft {
  const chatting = state.conversations.get(conversationId);
  if (chatting === undefined || seq <= chatting.savedSeq) return same(state);
  const next = withChatting(state, { ...chatting, savedSeq: seq });
  if (state.receiptsDue || !isAnswered(state)) return same(next);
  return { state: { ...next, receiptsDue: true }, actions: [timer('receipts', receiptsMs)] };
}

/** Sends receipts that the server does not have. */
export function sendReceipts(state: ChatState): ChatDraft {
  if (!isAnswered(state)) return same(state);
  const due = [...state.conversations.values()].filter(isDue);
  const now = due.slice(0, receiptsMax);
  const next = withChatting(state, ...now.map(sent));
  const sends = now.map((chatting) => ({ do: 'send', message: { $case: 'received', value: receiptOf(chatting) } }) as const);
  const isMore = due.length > now.length;
  return { state: { ...next, receiptsDue: isMore }, actions: isMore ? [...sends, timer('receipts', receiptsMs)] : sends };
}

/** The user has read so far: it is sent at once, with what else is read in a second, or on the next stream. */
export function read(state: ChatState, conversationId: string, seq: bigint): ChatDraft {
  const chatting = state.conversations.get(conversationId);
  const known = chatting?.last?.seq ?? 0n;
  const readSeq = seq < known ? seq : known;
  if (chatting === undefined || readSeq <= readOf(chatting)) return same(state);
  const { state: kept, actions } = save(withChatting(state, { ...chatting, readSeq }), [{ kind: 'read', conversationId, seq: readSeq }]);
  const { state: next, actions: sends } = sendRead(kept, conversationId);
  return { state: next, actions: [...actions, ...sends, notify({ kind: 'conversation', conversationId, reset: false })] };
}

function sendRead(state: ChatState, conversationId: string): ChatDraft {
  const chatting = state.conversations.get(conversationId);
  if (chatting === undefined || !isAnswered(state)) return same(state);
  if (state.nowMs - state.readAtMs >= receiptsMs)
    return {
      state: withChatting({ ...state, readAtMs: state.nowMs }, sent(chatting)),
      actions: [{ do: 'send', message: { $case: 'received', value: receiptOf(chatting) } }],
    };
  return state.receiptsDue ? same(state) : { state: { ...state, receiptsDue: true }, actions: [timer('receipts', receiptsMs)] };
}

/** A stream has ended: nobody is known to type or to be present, and what was confirmed on it may not have come. */
export function unconfirmed(state: ChatState): ChatState {
  const changed = [...state.conversations.values()].filter(
    ({ typing, present, deliveredSeq, readSentSeq }) => typing.length > 0 || present !== undefined || deliveredSeq > 0n || readSentSeq > 0n,
  );
  const fresh = { typing: [], present: undefined, deliveredSeq: 0n, readSentSeq: 0n };
  return { ...withChatting(state, ...changed.map((chatting) => ({ ...chatting, ...fresh }))), receiptsDue: false };
}

function isDue(chatting: Chatting): boolean {
  const { savedSeq, deliveredSeq, readSeq, readSentSeq, conversation } = chatting;
  return savedSeq > deliveredSeq || readSeq > later(readSentSeq, conversation.own?.readSeq ?? 0n);
}

function receiptOf({ conversation, savedSeq, readSeq }: Chatting) {
  return { conversationId: conversation.id, deliveredSeq: later(savedSeq, readSeq), readSeq };
}

function sent(chatting: Chatting): Chatting {
  return { ...chatting, deliveredSeq: chatting.savedSeq, readSentSeq: chatting.readSeq };
}

/** What was read here or on another device. */
function readOf({ readSeq, conversation }: Chatting): bigint {
  return later(readSeq, conversation.own?.readSeq ?? 0n);
}
