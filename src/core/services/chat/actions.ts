import type { Appended, ChatEvent, ChatStore, Membership, NewConversation, NewEntry, Receipt, Sender } from '../../ports/chat.ts';
import type { ChatAnnouncements } from '../../ports/chat-announcements.ts';
import { conversationOut, encode, encodeEvents } from './messages.ts';

/** What changes conversations: stored first, announced then. Errors are those of the store. */
export type ChatActions = {
  create(wish: NewConversation): ReturnType<ChatStore['create']>;
  post(conversationId: string, entry: Omit<NewEntry, 'eventId'>): Promise<Appended>;
  changeMembers(conversationId: string, by: Sender, changes: NonNullable<ChatEvent['changes']>): Promise<ChatEvent | undefined>;
  receive(receipt: Receipt & { readonly device: string | undefined }): Promise<Membership>;
  change(...args: Parameters<ChatStore['change']>): Promise<Membership>;
};

/** In larger groups nobody is sent receipts, nor who is typing: each of them would be sent to all. */
export const smallMax = 100;
const nothing = new Uint8Array(0);

export function chatActions(chat: ChatStore, { announce }: ChatAnnouncements, randomId: () => string): ChatActions {
  const announceEvent = (event: ChatEvent) => {
    const { conversationId, seq, kind, targetSeq, sender, changes = [] } = event;
    const left = changes.filter(({ role }) => role === undefined).map(({ userId }) => userId);
    const shows = kind === 'edit' ? { shows: targetSeq } : {};
    const by = sender.kind === 'user' && (kind === 'message' || kind === 'edit' || kind === 'reaction') ? { by: sender.id } : {};
    announce({ conversationId }, { seqs: [seq, seq], left, ...shows, ...by, message: encodeEvents(conversationId, [event]) });
    for (const { userId } of changes) announce({ userId }, { message: nothing }); // the user's memberships are to be read
  };
  const announceOwn = (userId: string, membership: Membership) => {
    const message = encode({ $case: 'conversation', value: { conversation: conversationOut(membership), reset: false } });
    const { ownSeq, hides, conversation } = membership;
    announce({ userId }, { seqs: [ownSeq, ownSeq], ...(hides && { hidesIn: conversation.id }), message });
  };
  return {
    create: async (wish) => {
      const created = await chat.create(wish);
      if (created.event !== undefined) announceEvent(created.event);
      return created;
    },
    post: async (conversationId, entry) => {
      const wish = { ...entry, eventId: randomId() };
      const appended = await chat.append(conversationId, wish);
      if (!appended.repeated) announceEvent({ ...wish, ...appended, conversationId });
      return appended;
    },
    changeMembers: async (conversationId, by, changes) => {
      const event = await chat.changeMembers(conversationId, by, { eventId: randomId(), changes });
      if (event !== undefined) announceEvent(event);
      return event;
    },
    receive: async (wish) => {
      const { receipt, membership, changed } = await chat.receive(wish);
      const { conversationId, userId, deliveredSeq, readSeq } = receipt;
      if (changed === 'read') announceOwn(userId, membership);
      if (changed !== 'nothing' && membership.conversation.membersCount <= smallMax) {
        const value = { conversationId, userId, deliveredSeq: BigInt(deliveredSeq), readSeq: BigInt(readSeq) };
        announce({ conversationId }, { except: userId, message: encode({ $case: 'receipt', value }) });
      }
      return membership;
    },
    change: async (userId, conversationId, change) => {
      const membership = await chat.change(userId, conversationId, change);
      announceOwn(userId, membership);
      return membership;
    },
  };
}
