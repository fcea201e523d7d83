import type { ConversationPresence } from '../../gen/portico/v1/chat.ts';
import { same } from '../stream/transitions.ts';
import { type ChatDraft, type ChatState, type Chatting, notify, withChatting } from './state.ts';

/** The server takes so many, each once, and ends a stream with an id that is none. */
const lookingMax = 4;
const isId = (id: string) => /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/.test(id);

/** The screen shows these conversations, and no others. */
export function look(state: ChatState, conversationIds: readonly string[]): ChatDraft {
  const looking = [...new Set(conversationIds.filter(isId))].slice(0, lookingMax);
  if (looking.join() === state.looking.join()) return same(state);
  const left = state.looking.flatMap((id) => (looking.includes(id) ? [] : (state.conversations.get(id) ?? [])));
  return sendLooking({ ...withChatting(state, ...left.map(unseen)), looking }, state.looking.length > 0);
}

/** @param isChange the server has another list, and not only none */
export function sendLooking(state: ChatState, isChange = false): ChatDraft {
  const { phase, looking: conversationIds } = state;
  if ((phase !== 'syncing' && phase !== 'live') || (conversationIds.length === 0 && !isChange)) return same(state);
  return { state, actions: [{ do: 'send', message: { $case: 'looking', value: { conversationIds: [...conversationIds] } } }] };
}

export function showPresence(state: ChatState, { conversationId, count, listed, users }: ConversationPresence): ChatDraft {
  const chatting = state.conversations.get(conversationId);
  if (chatting === undefined || !state.looking.includes(conversationId)) return same(state); // it has crossed the newer wish
  const present = { count, users: listed ? users : undefined };
  return { state: withChatting(state, { ...chatting, present }), actions: [notify({ kind: 'presence', conversationId })] };
}

const unseen = (chatting: Chatting): Chatting => ({ ...chatting, present: undefined });
