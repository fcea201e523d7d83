import { same, timer } from '../stream/transitions.ts';
import { type ChatDraft, type ChatState, notify, withChatting } from './state.ts';

/** How long a member is shown as typing, and how often the user's own typing is sent. Milliseconds. */
const typingShownMs = 5_000;
const typingEveryMs = 3_000;

/** The user types: the server and other members get no more of it than they can use. */
export function type(state: ChatState, conversationId: string): ChatDraft {
  const typedAtMs = state.typedAtMs.get(conversationId) ?? Number.NEGATIVE_INFINITY;
  if (state.phase !== 'live' || !state.conversations.has(conversationId) || state.nowMs - typedAtMs < typingEveryMs) return same(state);
  return {
    state: { ...state, typedAtMs: new Map(state.typedAtMs).set(conversationId, state.nowMs) },
    actions: [{ do: 'send', message: { $case: 'typing', value: { conversationId, userId: '' } } }],
  };
}

/** Shows a member who types, or not any more. */
export function showTyping(state: ChatState, conversationId: string, userId: string, isTyping: boolean): ChatDraft {
  const chatting = state.conversations.get(conversationId);
  if (chatting === undefined) return same(state);
  const others = chatting.typing.filter((user) => user !== userId);
  const typing = isTyping ? [...others, userId].sort() : others;
  const ends = isTyping ? [timer(`typing ${conversationId} ${userId}` as const, typingShownMs)] : [];
  if (typing.length === chatting.typing.length) return { state, actions: ends };
  return {
    state: withChatting(state, { ...chatting, typing }),
    actions: [...ends, notify({ kind: 'typing', conversationId, users: typing })],
  };
}
