import type { Appended, ChatEvent, NewConversation } from './chat.ts';

/**
 * What a company's own code does in conversations, by name and never as a user. Everything may be repeated. Errors are
 * those of `ChatStore`.
 */
export type ChatWrites = {
  /** Creates a conversation once for its client id; a direct one once for its pair and subject. */
  create(
    wish: Pick<NewConversation, 'clientId' | 'kind' | 'members'> & Partial<Pick<NewConversation, 'subject' | 'title'>>,
  ): Promise<{ readonly conversationId: string; readonly created: boolean }>;
  /** @returns the number of the event; 0: nothing has changed */
  setMembers(conversationId: string, changes: NonNullable<ChatEvent['changes']>): Promise<number>;
  /** @param message of a bot, or by the name itself */
  say(
    conversationId: string,
    message: Pick<ChatEvent, 'text' | 'data' | 'replySeq'> & { readonly clientId: string; readonly bot?: string },
  ): Promise<Appended>;
};
