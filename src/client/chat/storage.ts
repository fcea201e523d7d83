import type { ChatEvent, Conversation, PostRequest } from '../../gen/portico/v1/chat.ts';
import { merged } from './timeline.ts';

/** What a device has of a user's chat. */
export type Kept = {
  readonly conversations: readonly KeptConversation[];
  /** For the next hello. */
  readonly ownSeq: bigint;
  /** For the next hello; empty: there is none. */
  readonly syncToken: string;
  /** What was not answered yet, in the order in which it is sent. */
  readonly queue: readonly PostRequest[];
};
export type KeptConversation = {
  readonly conversation: Conversation;
  readonly readSeq: bigint;
  readonly events: readonly ChatEvent[];
  /** No event has come since `synced`. */
  readonly isSynced: boolean;
};

/** A change of what is kept. */
export type Change =
  | { readonly kind: 'queued'; readonly request: PostRequest }
  /** It was answered, or given up: it leaves the queue. */
  | { readonly kind: 'answered'; readonly conversationId: string; readonly clientId: string }
  /** Replaces the conversation without its events. @property reset its events are deleted */
  | { readonly kind: 'conversation'; readonly conversation: Conversation; readonly reset: boolean }
  /**
   * Added, in place of those with the same numbers. Edits and deletions change the messages that they name, and
   * deletions the reactions: `merged` of timeline.ts.
   */
  | { readonly kind: 'events'; readonly conversationId: string; readonly events: readonly ChatEvent[] }
  | { readonly kind: 'read'; readonly conversationId: string; readonly seq: bigint }
  | { readonly kind: 'left'; readonly conversationId: string }
  | { readonly kind: 'ownSeq'; readonly ownSeq: bigint }
  /** The token stands for the last events of all conversations. */
  | { readonly kind: 'synced'; readonly syncToken: string }
  /** All but the queue is deleted. */
  | { readonly kind: 'startOver' };

/** What stands for all that was saved before: it is true only if nothing of that has failed. */
export const standsForAll = ({ kind }: Change): boolean => kind === 'ownSeq' || kind === 'synced';

/** Where a chat is kept, such as the app's database. */
export type ChatStorage = {
  /** What was kept for this user: nothing of another one. The last 200 events of each conversation are enough. */
  load(userId: string): Promise<Kept>;
  /**
   * Keeps all of these changes, or none. It is called with the next ones when it has resolved, which means that a crash
   * does not lose them. After it has rejected, it is given neither `ownSeq` nor `synced` before `startOver`.
   */
  save(changes: readonly Change[]): Promise<void>;
  /** Deletes everything, of whatever user. */
  erase(): Promise<void>;
};

/** A UUID has many spellings. This is the one that the server answers with. */
export const canonicalId = (id: string): string => id.toLowerCase();

export const nothingKept: Kept = { conversations: [], ownSeq: 0n, syncToken: '', queue: [] };

const newlyKept = { readSeq: 0n, events: [], isSynced: false };

/** What is kept after a change: for storages that hold it in one piece, and as a model for those that do not. */
export function keptAfter(kept: Kept, change: Change): Kept {
  const changed = (id: string, next: (before: KeptConversation) => KeptConversation): Kept => ({
    ...kept,
    conversations: kept.conversations.map((each) => (each.conversation.id === id ? next(each) : each)),
  });
  switch (change.kind) {
    case 'queued':
      return { ...kept, queue: [...kept.queue, change.request] };
    case 'answered':
      return {
        ...kept,
        queue: kept.queue.filter(
          ({ conversationId, entry }) => canonicalId(conversationId) !== change.conversationId || entry?.clientId !== change.clientId,
        ),
      };
    case 'conversation': {
      const { conversation, reset } = change;
      if (!kept.conversations.some((each) => each.conversation.id === conversation.id))
        return { ...kept, conversations: [...kept.conversations, { conversation, ...newlyKept }] };
      return changed(conversation.id, (before) => (reset ? { conversation, ...newlyKept } : { ...before, conversation }));
    }
    case 'events':
      return changed(change.conversationId, (before) => ({ ...before, events: merged(before.events, change.events), isSynced: false }));
    case 'read':
      return changed(change.conversationId, (before) => ({ ...before, readSeq: change.seq }));
    case 'left':
      return { ...kept, conversations: kept.conversations.filter(({ conversation }) => conversation.id !== change.conversationId) };
    case 'ownSeq':
      return { ...kept, ownSeq: change.ownSeq };
    case 'synced':
      return { ...kept, syncToken: change.syncToken, conversations: kept.conversations.map((each) => ({ ...each, isSynced: true })) };
    case 'startOver':
      return { ...nothingKept, queue: kept.queue };
  }
}

/** For as long as the process lives: for tests, and for tools. */
export function memoryChatStorage(): ChatStorage {
  let kept = nothingKept;
  let owner = '';
  return {
    load: async (userId) => {
      if (owner !== userId) kept = nothingKept;
      owner = userId;
      return kept;
    },
    save: async (changes) => {
      kept = changes.reduce(keptAfter, kept);
    },
    erase: async () => {
      kept = nothingKept;
    },
  };
}
