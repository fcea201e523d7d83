import type { Appended, ChatEvent, ChatStore, Membership, NewConversation, NewEntry, Receipt, Sender } from '../../ports/chat.ts';
import type { Announced, ChatAnnouncements } from '../../ports/chat-announcements.ts';
import { smallMax } from '../../ports/chat-limits.ts';
import { conversationOut, encode, encodeEvents } from './encode-chat.ts';

/** What changes conversations: stored first, announced then. Errors are those of the store. */
export type ChatActions = {
  create(wish: NewConversation): ReturnType<ChatStore['create']>;
  post(conversationId: string, entry: Omit<NewEntry, 'eventId'>): Promise<Appended>;
  changeMembers(conversationId: string, by: Sender, changes: NonNullable<ChatEvent['changes']>): Promise<ChatEvent | undefined>;
  receive(receipt: Receipt & { readonly device: string | undefined }): Promise<Membership>;
  change(...args: Parameters<ChatStore['change']>): Promise<Membership>;
};

const nothing = new Uint8Array(0);
/** Content of one announcement: the bus carries messages of 64 KiB. Characters of text and bytes of data. */
const togetherMax = 16_384;
/** An attachment's id, type, size, hash and an ordinary name. */
const attachmentBytes = 256;

export function chatActions(chat: ChatStore, { announce }: ChatAnnouncements, randomId: () => string): ChatActions {
  const announceEvent = (event: ChatEvent) => {
    const { conversationId, changes = [] } = event;
    const left = changes.filter(({ role }) => role === undefined).map(({ userId }) => userId);
    announce({ conversationId }, { left, ...announcedOf([event]) });
    for (const { userId } of changes) announce({ userId }, { message: nothing }); // the user's memberships are to be read
  };
  /** What one commit has stored is announced together: by conversation. */
  let stored = new Map<string, ChatEvent[]>();
  const announceStored = () => {
    const all = stored;
    stored = new Map();
    for (const [conversationId, events] of all) for (const run of runsOf(events)) announce({ conversationId }, announcedOf(run));
  };
  const announceSoon = (event: ChatEvent) => {
    if (stored.size === 0) process.nextTick(announceStored); // after the answers of the same commit
    const events = stored.get(event.conversationId);
    if (events === undefined) stored.set(event.conversationId, [event]);
    else events.push(event);
  };
  const announceOwn = (userId: string, membership: Membership) => {
    const message = encode({ $case: 'conversation', value: { conversation: conversationOut(membership), reset: false } });
    const { ownSeq, hides, conversation } = membership;
    announce({ userId }, { seqs: [ownSeq, ownSeq], own: { conversationId: conversation.id, hides }, message });
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
      if (!appended.repeated) announceSoon({ ...wish, ...appended, conversationId });
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
        const notFor = await chat.apartFrom(userId, conversationId);
        const value = { conversationId, userId, deliveredSeq: BigInt(deliveredSeq), readSeq: BigInt(readSeq) };
        announce({ conversationId }, { except: userId, notFor, by: [userId], message: encode({ $case: 'receipt', value }) });
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

/** Events of one conversation that follow each other. */
function announcedOf(run: readonly ChatEvent[]): Announced {
  const [first, last] = [run[0] as ChatEvent, run.at(-1) as ChatEvent];
  const targets = run.flatMap(({ targetSeq }) => targetSeq ?? []);
  const about = targets.length > 0 ? { about: Math.min(...targets) } : {};
  const origins = run.some(({ origin }) => origin !== undefined) ? { origins: run.flatMap(({ origin }) => origin ?? []) } : {};
  return { seqs: [first.seq, last.seq], ...about, ...origins, by: writersOf(run), message: encodeEvents(first.conversationId, run) };
}

/** Events of a conversation in pieces that are announced as one: each follows the one before. */
function runsOf(events: readonly ChatEvent[]): readonly (readonly ChatEvent[])[] {
  const runs: ChatEvent[][] = [];
  let size = 0;
  for (const event of events) {
    const run = runs.at(-1);
    const before = run?.at(-1);
    const own = (event.text?.length ?? 0) + (event.data?.length ?? 0) + (event.attachments?.length ?? 0) * attachmentBytes;
    size += own;
    if (run !== undefined && before?.seq === event.seq - 1 && size <= togetherMax) run.push(event);
    else {
      runs.push([event]);
      size = own;
    }
  }
  return runs;
}

/** The users whose words events have. */
function writersOf(events: readonly ChatEvent[]): readonly string[] {
  const worded = events.filter(({ sender, kind }) => sender.kind === 'user' && (kind === 'message' || kind === 'edit' || kind === 'reaction'));
  return [...new Set(worded.map(({ sender }) => sender.id))];
}
