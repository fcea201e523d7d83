import type { ChatState, Chatting } from '../../client/chat/state.ts';
import { unreadOf } from '../../client/chat/unread.ts';
import { type Command, commandOf } from './chat-commands.ts';

/** Which screen is shown, and what the user has typed there. */
export type View =
  | { readonly at: 'home' }
  | { readonly at: 'chats'; readonly selected: number }
  /** Asks for the user of a new conversation. */
  | { readonly at: 'new'; readonly draft: string }
  | { readonly at: 'chat'; readonly conversationId: string; readonly draft: string };

/** A key of the terminal: its name, and the text that it types. */
export type Key = { readonly name: string; readonly text: string };

/** What a key does beside changing the view. */
export type Wish =
  | { readonly do: 'toggleNetwork' | 'retry' | 'quit' }
  | { readonly do: 'create'; readonly user: string }
  | { readonly do: 'post'; readonly conversationId: string; readonly text: string }
  | { readonly do: 'typing'; readonly conversationId: string }
  | { readonly do: 'load'; readonly conversationId: string }
  | { readonly do: 'command'; readonly command: Command };

/** The longest draft: characters. */
const draftMax = 1_000;
const commands: Readonly<Record<string, Wish>> = { o: { do: 'toggleNetwork' }, r: { do: 'retry' }, q: { do: 'quit' } };

/** Those with the newest event first. */
export function listed({ conversations }: Pick<ChatState, 'conversations'>): readonly Chatting[] {
  const newest = ({ events, conversation }: Chatting) => events.at(-1)?.sentAt?.getTime() ?? conversation.createdAt?.getTime() ?? 0;
  return [...conversations.values()].sort((a, b) => newest(b) - newest(a));
}

export function unreadIn({ conversations, userId }: Pick<ChatState, 'conversations' | 'userId'>): number {
  return [...conversations.values()].reduce((sum, chatting) => sum + unreadOf(chatting, userId), 0);
}

/** What a key does on the screen that is shown. */
export function onKey(view: View, key: Key, state: Pick<ChatState, 'conversations' | 'userId'>): { readonly view: View; readonly wish?: Wish } {
  switch (view.at) {
    case 'home':
      return key.name === 'c' ? { view: { at: 'chats', selected: 0 } } : withCommand(view, key);
    case 'chats':
      return onListKey(view, key, state);
    case 'new': {
      const user = view.draft.trim();
      if (key.name === 'escape') return { view: { at: 'chats', selected: 0 } };
      if (key.name === 'return') return { view: { at: 'chats', selected: 0 }, ...(user !== '' && { wish: { do: 'create', user } }) };
      return { view: { ...view, draft: typed(view.draft, key) } };
    }
    case 'chat': {
      const { conversationId, draft } = view;
      if (key.name === 'escape') return { view: { at: 'chats', selected: 0 } };
      if (key.name === 'up') return { view, wish: { do: 'load', conversationId } };
      if (key.name === 'return' && draft.trim() === '') return { view };
      if (key.name === 'return') {
        const command = commandOf(draft, conversationId, state);
        return { view: { ...view, draft: '' }, wish: command ? { do: 'command', command } : { do: 'post', conversationId, text: draft } };
      }
      const next = typed(draft, key);
      return { view: { ...view, draft: next }, ...(next.length > draft.length && { wish: { do: 'typing', conversationId } }) };
    }
  }
}

function onListKey(
  view: Extract<View, { at: 'chats' }>,
  key: Key,
  state: Pick<ChatState, 'conversations'>,
): { readonly view: View; readonly wish?: Wish } {
  const all = listed(state);
  const selected = Math.min(view.selected, Math.max(0, all.length - 1));
  const conversationId = all[selected]?.conversation.id;
  switch (key.name) {
    case 'escape':
    case 'c':
      return { view: { at: 'home' } };
    case 'n':
      return { view: { at: 'new', draft: '' } };
    case 'up':
      return { view: { ...view, selected: Math.max(0, selected - 1) } };
    case 'down':
      return { view: { ...view, selected: Math.min(Math.max(0, all.length - 1), selected + 1) } };
    case 'return':
      return { view: conversationId === undefined ? view : { at: 'chat', conversationId, draft: '' } };
    default:
      return withCommand(view, key);
  }
}

function withCommand(view: View, { name }: Key): { readonly view: View; readonly wish?: Wish } {
  const wish = Object.hasOwn(commands, name) ? commands[name] : undefined;
  return wish === undefined ? { view } : { view, wish };
}

function typed(draft: string, { name, text }: Key): string {
  if (name === 'backspace') return [...draft].slice(0, -1).join('');
  return /^\P{C}+$/u.test(text) ? (draft + text).slice(0, draftMax) : draft;
}
