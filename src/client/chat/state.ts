import type { ChatEvent, ChatHello, ChatRequest, ChatResponse, Conversation, PostRequest } from '../../gen/portico/v1/chat.ts';
import {
  type Connection,
  type ConnectionNotice,
  type ConnectionTimer,
  type ConnectionWish,
  type Draft,
  initialConnection,
  type Report,
  type StreamAction,
} from '../stream/connection.ts';
import { type Change, type Kept, standsForAll } from './storage.ts';

/** A conversation as the client has it. */
export type Chatting = {
  readonly conversation: Conversation;
  /** In the order of `seq`. Where two neighbours do not follow each other, events between them are missing. */
  readonly events: readonly ChatEvent[];
  /** The last event that has come. */
  readonly last: { readonly seq: bigint; readonly eventId: string } | undefined;
  /** The sync token stands for its last event. */
  readonly isSynced: boolean;
  /** The user has read so far on this device; the server may not know it yet. */
  readonly readSeq: bigint;
  /** How far the storage has the events of this process. 0: not yet. */
  readonly savedSeq: bigint;
  /** What of it, and of `readSeq`, was sent on this stream. 0: nothing. */
  readonly deliveredSeq: bigint;
  readonly readSentSeq: bigint;
  /** Of the other members, by user. */
  readonly receipts: ReadonlyMap<string, { readonly deliveredSeq: bigint; readonly readSeq: bigint }>;
  /** Users who are typing. */
  readonly typing: readonly string[];
  /** Who looks at it, this user among them; their ids where they are few. Undefined: it is not known. */
  readonly present: { readonly count: number; readonly users: readonly string[] | undefined } | undefined;
};

/**
 * Something of this user that waits in the queue.
 *
 * - `saving`: the storage does not have it yet.
 * - `waiting`: to be sent, also once more.
 * - `sent`: on the present stream, and not answered.
 * - `stored`: answered with this `seq`; it leaves when its event has come.
 */
export type Queued = { readonly request: PostRequest; readonly status: 'saving' | 'waiting' | 'sent' | 'stored'; readonly seq: bigint };

/** What is being saved: what follows when it is. */
export type Saving = {
  /** Of which stream. */
  readonly stream: number;
  /** Events that count for `acknowledge`. */
  readonly count: number;
  readonly upTo?: { readonly conversationId: string; readonly seq: bigint };
  readonly queued?: { readonly conversationId: string; readonly clientId: string };
};

export type ChatState = Connection & {
  /** Empty: nothing was restored yet. */
  readonly userId: string;
  readonly conversations: ReadonlyMap<string, Chatting>;
  /** The order in which it is sent. */
  readonly queue: readonly Queued[];
  /** For the next hello: every own change up to this one has come. It follows `ownSeen` when all has come. */
  readonly ownSeq: bigint;
  readonly ownSeen: bigint;
  /** Of the last `caughtUp` whose events the storage has all; empty: there is none. */
  readonly syncToken: string;
  /** The storage has failed to keep something: a token would stand for more than it has. */
  readonly isUnsaved: boolean;
  /** Answers in a row that ask to send something once more. */
  readonly postFailures: number;
  /** Nothing is sent until the timer `post`. */
  readonly postsHeld: boolean;
  /** What was sent of the queue takes until then, at the rate that the client keeps to. Milliseconds. */
  readonly postsAtMs: number;
  /** The time of the present step. Milliseconds. */
  readonly nowMs: number;
  /** A stream has ended as if a message of the queue broke a rule: one message at a time shows which. */
  readonly careful: boolean;
  /** Streams so far, and changes that were given to the storage so far. */
  readonly streams: number;
  readonly saves: number;
  readonly saving: ReadonlyMap<number, Saving>;
  /** Whether the timer `receipts` runs. */
  readonly receiptsDue: boolean;
  /** When what the user has read was last sent at once. Milliseconds. */
  readonly readAtMs: number;
  /** When the user's own typing was last sent, by conversation. */
  readonly typedAtMs: ReadonlyMap<string, number>;
  /** The conversations that the screen shows. */
  readonly looking: readonly string[];
};

export const initialState: ChatState = {
  ...initialConnection,
  userId: '',
  conversations: new Map(),
  queue: [],
  ownSeq: 0n,
  ownSeen: 0n,
  syncToken: '',
  isUnsaved: false,
  postFailures: 0,
  postsHeld: false,
  postsAtMs: 0,
  nowMs: 0,
  careful: false,
  streams: 0,
  saves: 0,
  saving: new Map(),
  receiptsDue: false,
  readAtMs: Number.NEGATIVE_INFINITY,
  typedAtMs: new Map(),
  looking: [],
};

/**
 * Timers by name: `post` sends what the server could not store, or what was too much at
 * once; `receipts` sends how far the device has received;
 * `typing CONVERSATION USER` ends what is shown of a member.
 */
export type TimerName = ConnectionTimer | 'post' | 'receipts' | `typing ${string} ${string}`;

/** What an app wants of its chat. */
export type ChatWish =
  | ConnectionWish
  /** Another user, or nobody: everything is dropped, in the storage too. */
  | { readonly type: 'forget' }
  /** Sends an entry after all that was sent before to the same conversation. Its `client_id` is new, such as a UUID. */
  | { readonly type: 'post'; readonly request: PostRequest }
  /** The user has read so far. */
  | { readonly type: 'read'; readonly conversationId: string; readonly seq: bigint }
  /** The user is typing: as often as it happens. */
  | { readonly type: 'typing'; readonly conversationId: string }
  /** The screen shows these conversations, four at most, and no others: who else looks at them is in `present`. */
  | { readonly type: 'look'; readonly conversationIds: readonly string[] }
  /** Loads what is missing directly before an event, at most 100 events. */
  | { readonly type: 'load'; readonly conversationId: string; readonly beforeSeq: bigint };

/** What happens to a chat. */
export type ChatClientEvent =
  | ChatWish
  | Report
  /** What the storage has of the user who is signed in: the first event of all. */
  | { readonly type: 'restore'; readonly userId: string; readonly kept: Kept }
  /** The present stream received a message. */
  | { readonly type: 'message'; readonly message: ChatResponse }
  | { readonly type: 'timer'; readonly name: TimerName }
  /** Answers to `save`. */
  | { readonly type: 'saved'; readonly id: number }
  | { readonly type: 'saveFailed'; readonly id: number }
  /** The answer to `load`. */
  | { readonly type: 'loaded'; readonly conversationId: string; readonly events: readonly ChatEvent[] };

/** What the app is notified of; what it shows is in the state. */
export type ChatNotice =
  | ConnectionNotice
  /** It is new, or the user's own state of it has changed. @property reset its events were dropped */
  | { readonly kind: 'conversation'; readonly conversationId: string; readonly reset: boolean }
  /** New events, or older ones that were loaded. @property gap events before the first one are missing */
  | { readonly kind: 'events'; readonly conversationId: string; readonly events: readonly ChatEvent[]; readonly gap: boolean }
  | { readonly kind: 'left'; readonly conversationId: string }
  /** What became of a `post`. @property reason empty: it is stored; else it was given up, and is not sent again */
  | { readonly kind: 'posted'; readonly conversationId: string; readonly clientId: string; readonly reason: string }
  | { readonly kind: 'receipt'; readonly conversationId: string; readonly userId: string; readonly deliveredSeq: bigint; readonly readSeq: bigint }
  /** @property users who are typing now */
  | { readonly kind: 'typing'; readonly conversationId: string; readonly users: readonly string[] }
  /** Others look at it than before: see `present`. */
  | { readonly kind: 'presence'; readonly conversationId: string }
  /** The storage has failed: after a restart the server sends again what is missing. */
  | { readonly kind: 'storageFailed' };

/** What only a chat does. */
export type ChatWork =
  /** Saves all changes or none, after those before: answered by `saved` or `saveFailed`. */
  | { readonly do: 'save'; readonly id: number; readonly changes: readonly Change[] }
  /** Deletes all that the storage has. */
  | { readonly do: 'erase' }
  /** Calls GetHistory: answered by `loaded`, if it succeeds. */
  | { readonly do: 'load'; readonly conversationId: string; readonly fromSeq: bigint; readonly count: number };

export type ChatAction = ChatWork | StreamAction<ChatHello, NonNullable<ChatRequest['message']>, ChatNotice, TimerName>;

/** The state that follows, and what is to be done in this order. */
export type Step = { readonly state: ChatState; readonly actions: readonly ChatAction[] };

/** The same, before hello is known. */
export type ChatDraft = Draft<ChatState, Exclude<ChatAction, { readonly do: 'open' }>>;

export const notify = (notice: ChatNotice): Extract<ChatAction, { do: 'notify' }> => ({ do: 'notify', notice });

/**
 * Gives changes to the storage. What follows from them, such as an acknowledgement, waits until it has them. After
 * something could not be saved, nothing is given that stands for all that was.
 */
export function save(state: ChatState, given: readonly Change[], follows: Partial<Omit<Saving, 'stream'>> = {}): ChatDraft {
  const changes = state.isUnsaved ? given.filter((change) => !standsForAll(change)) : given;
  if (changes.length === 0 && given.length > 0) return { state, actions: [] };
  const id = state.saves + 1;
  const saving = new Map(state.saving).set(id, { stream: state.streams, count: 0, ...follows });
  return { state: { ...state, saves: id, saving }, actions: [{ do: 'save', id, changes }] };
}

/** Replaces what is known of conversations. */
export function withChatting(state: ChatState, ...changed: readonly Chatting[]): ChatState {
  const conversations = new Map(state.conversations);
  for (const chatting of changed) conversations.set(chatting.conversation.id, chatting);
  return { ...state, conversations };
}
