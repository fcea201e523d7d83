import type { Attachment } from './attachments.ts';
import type { SpanContext } from './short-spans.ts';

/** Who says something: a user; a named bot or the system, in whose name an internal service speaks. */
export type Sender = { readonly kind: 'user' | 'bot' | 'system'; readonly id: string };
export type Role = 'owner' | 'admin' | 'member';

export type NewConversation = {
  /** A UUID. */
  readonly id: string;
  readonly kind: 'direct' | 'group';
  /** Such as "order:42"; empty: none. */
  readonly subject: string;
  readonly title: string;
  readonly createdBy: Sender;
  /** The creator's own id for this creation. */
  readonly clientId: string;
  /** All first members, once each: two of a direct conversation, up to 100 of a group. */
  readonly members: readonly { readonly userId: string; readonly role: Role }[];
};

export type Conversation = Pick<NewConversation, 'id' | 'kind' | 'subject' | 'title'> & {
  readonly createdAtMs: number;
  /** Of its newest event. */
  readonly lastSeq: number;
  readonly membersCount: number;
  /** Events up to this one have expired. */
  readonly expiredSeq: number;
};

/** A conversation as one member sees it. */
export type Membership = {
  readonly conversation: Conversation;
  readonly role: Role;
  /** Events up to this one are not for this member. */
  readonly afterSeq: number;
  readonly readSeq: number;
  readonly mutedUntilMs: number | undefined;
  /** The newest change of this state in the user's own order, in which memberships also begin and end. */
  readonly ownSeq: number;
  /** Messages of others after `readSeq` that are not deleted, as of `lastSeq`; `unreadMax` means so many or more. */
  readonly unread: number;
  /** Messages that were hidden after the place that was asked for; one more than `hiddenMax` means more than that. */
  readonly hiddenSeqs: readonly number[];
  /** Whether any message is hidden. */
  readonly hides: boolean;
  /** The newest own change to whom of its senders the user blocks: other events are hidden since. 0: there was none. */
  readonly blocksSeq: number;
};

/** A conversation of one member, without what has to be counted. */
export type MemberPlace = Pick<Membership, 'afterSeq' | 'ownSeq' | 'hides'> &
  Pick<Conversation, 'lastSeq' | 'membersCount' | 'expiredSeq'> & { readonly conversationId: string };

/** The newest change of a conversation that only one user sees. */
export type OwnChange = Membership & { /** The membership has ended. */ readonly isLeft: boolean };

/** A place in a conversation: behind this event. An empty id is not compared. */
export type ChatPosition = Pick<ChatEvent, 'seq'> & { readonly eventId: string };

/**
 * A moment of a database, for one user: everything that was committed before is of a transaction older than `xid`.
 * Events of younger ones may have been committed before, too.
 */
export type SyncPoint = {
  /** Of a history of a database: a fail-over or a restore begins another one, which gives transaction ids again. */
  readonly databaseId: string;
  readonly xid: bigint;
  /** The newest event of the user's conversations: a restored database may lack it. */
  readonly newest: (ChatPosition & { readonly conversationId: string }) | undefined;
};

/** What is sent to a conversation: a message and an edit with their content, all but a message with their target. */
export type NewEntry = {
  readonly kind: 'message' | 'edit' | 'delete' | 'reaction';
  readonly sender: Sender;
  /** The sender's own id in this conversation, for ever: 1 to 100 characters. */
  readonly clientId: string;
  /** A random UUID. */
  readonly eventId: string;
  /** What was sent, where something else is stored in its place: its repeat is known by it. */
  readonly original?: Pick<NewEntry, 'text' | 'data'> | undefined;
  readonly text?: string | undefined;
  readonly data?: Uint8Array | undefined;
  /** Of a message: the ids of attachments that its sender has uploaded to this conversation, each for one message. */
  readonly attachmentIds?: readonly string[] | undefined;
  readonly replySeq?: number | undefined;
  readonly targetSeq?: number | undefined;
  readonly reaction?: string | undefined;
  /** The reaction is taken back. */
  readonly removed?: boolean | undefined;
  /** The span that sends it, if that is recorded. Not stored. */
  readonly origin?: SpanContext | undefined;
};

export type ChatEvent = Omit<NewEntry, 'kind' | 'clientId' | 'original' | 'attachmentIds'> & {
  /** `hidden`: the reader may not see it, and gets its place only. */
  readonly kind: NewEntry['kind'] | 'members' | 'hidden';
  readonly conversationId: string;
  /** 1, 2, 3, … in its conversation. */
  readonly seq: number;
  /** Of a message: 1, 2, 3, … among those of its conversation. */
  readonly number?: number | undefined;
  readonly clientId?: string | undefined;
  readonly sentAtMs: number;
  /** Of a message: the newest event that has changed it, or deleted it for all. Its content is as it is now. */
  readonly editedSeq?: number | undefined;
  readonly deletedSeq?: number | undefined;
  /** Of a message: those of its attachments that are there. */
  readonly attachments?: readonly Attachment[] | undefined;
  /** Without a role: the user is not a member any more. */
  readonly changes?: readonly { readonly userId: string; readonly role?: Role | undefined }[] | undefined;
};

/** What became of an entry. */
export type Appended = Pick<ChatEvent, 'seq' | 'number' | 'eventId' | 'sentAtMs' | 'attachments'> & {
  /** It was there before, or changes nothing: then `seq` may be 0. */
  readonly repeated: boolean;
};

export type Receipt = {
  readonly conversationId: string;
  readonly userId: string;
  readonly deliveredSeq: number;
  readonly readSeq: number;
};

/** Which part of a list, and how much of it. */
export type HistoryPage = { readonly most: number } & ({ readonly afterSeq: number } | { readonly beforeSeq: number | undefined });

/**
 * Conversations in durable storage. What was resolved survives the process.
 *
 * Promises, in every adapter:
 * - The events of a conversation have one order, that of `seq`, without a hole. Times follow it.
 * - The same entry under the same client id is appended once, for ever; its repeat gives the first one's place. Another
 * entry under it is refused with MESSAGE_ID_REUSED, and the repeat of one that is kept no longer with MESSAGE_EXPIRED.
 * - A call of a user who is not a member is refused with CONVERSATION_UNKNOWN, as if there were no such conversation. A
 * user who ceased to be a member appends nothing after that event.
 * - Nobody is added by a user whom one has blocked, or who has blocked one, nor by any user to a group that one has
 * left within a day. Users
 * fill three quarters of the conversations of another one at most. Internal services have no such bounds.
 * - Receipts never go back, and none is beyond the newest event.
 * - An event is given to readers with the content of today: nothing gives what was edited away or deleted.
 * - Entries that wait for the same conversation are committed together. None fails for the fault of another.
 * - Every method throws Fault STORAGE_DOWN when the database is unavailable. Whether a write was done is then unknown;
 * repeating it does no harm.
 */
export type ChatStore = {
  /**
   * Creates a conversation, whose first event has its members. There is one direct conversation of a pair and subject,
   * whoever creates it, and creating it again brings back who has left it; a group is created once for the client id of
   * its creator.
   * @returns the conversation, and the event of its members if it was created now, or if somebody came back
   * @throws Fault MESSAGE_ID_REUSED, CONVERSATIONS_TOO_MANY, MEMBER_REFUSED, REQUEST_INVALID for members that cannot be
   * those of its kind
   */
  create(wish: NewConversation): Promise<{ readonly conversation: Conversation; readonly event: ChatEvent | undefined }>;
  /**
   * @throws Fault CONVERSATION_UNKNOWN, MESSAGE_ID_REUSED, MESSAGE_EXPIRED, MESSAGE_UNKNOWN, CHAT_FORBIDDEN,
   * ATTACHMENT_UNUSABLE
   */
  append(conversationId: string, entry: NewEntry): Promise<Appended>;
  /**
   * The conversation of a member, and what became of an entry under the same client id: undefined if there is none.
   * @throws Fault CONVERSATION_UNKNOWN, MESSAGE_ID_REUSED, MESSAGE_EXPIRED
   */
  sentBefore(
    conversationId: string,
    entry: Omit<NewEntry, 'eventId'>,
  ): Promise<{ readonly conversation: Pick<Conversation, 'kind' | 'subject'>; readonly appended: Appended | undefined }>;
  /**
   * Adds, removes and promotes members of a group; of a direct conversation, it only removes. A user may remove
   * oneself; only owners and admins may do more, and only owners make owners. New members see what comes after. When
   * the last owner leaves, the longest member follows.
   * @param wish without a role: the user ceases to be a member
   * @returns undefined when nothing changed
   * @throws Fault CONVERSATION_UNKNOWN, CHAT_FORBIDDEN, MEMBERS_TOO_MANY, CONVERSATIONS_TOO_MANY, MEMBER_REFUSED,
   * REQUEST_INVALID for a user who is named twice
   */
  changeMembers(
    conversationId: string,
    by: Sender,
    wish: { readonly eventId: string; readonly changes: NonNullable<ChatEvent['changes']> },
  ): Promise<ChatEvent | undefined>;
  /** The conversations of a user with the newest message of each, those with the newest event first. */
  list(
    userId: string,
    page: { readonly most: number; readonly before: { readonly lastAtMs: number; readonly id: string } | undefined },
  ): Promise<readonly (Membership & { readonly lastAtMs: number; readonly lastMessage: ChatEvent | undefined })[]>;
  /** All conversations of a user, or those of them that are named, with what was hidden after this place. */
  joined(userId: string, wish?: { readonly ids?: readonly string[]; readonly hiddenAfter?: number }): Promise<readonly Membership[]>;
  /** All conversations of a user: 4,000 at most. */
  places(userId: string): Promise<readonly MemberPlace[]>;
  /**
   * What has changed of a user's conversations after a place in the own order, in this order: each conversation once,
   * as it is now, with what was hidden in it since a transaction, or after a place in the own order.
   * @param wish ended memberships since a transaction; undefined: none of them
   */
  ownChanges(
    userId: string,
    wish: {
      readonly after: number;
      readonly most: number;
      readonly endedSince: bigint | undefined;
      readonly hiddenSince: { readonly xid: bigint } | { readonly ownSeq: number };
    },
  ): Promise<readonly OwnChange[]>;
  /** Those of the positions that are not of this database: their event is another one here, or is still to come. */
  foreign(positions: ReadonlyMap<string, ChatPosition>): Promise<readonly string[]>;
  /**
   * The moment that now is. What is read afterwards has all that was committed before it.
   * @returns undefined: the database does not say which history it has, so that no moment of it can be trusted later
   */
  syncPoint(userId: string): Promise<SyncPoint | undefined>;
  /**
   * What a client has that had everything at a moment: a position in each of the user's conversations. Whoever is
   * further behind than `gapMax` has any place before the last `gapMax` events.
   * @returns undefined: the moment is not of this history of this database
   */
  since(userId: string, point: SyncPoint, wish: { readonly gapMax: number }): Promise<ReadonlyMap<string, number> | undefined>;
  /** Which run of which history, unless the database does not say it. Files are restored between two runs only. */
  databaseRun(): Promise<{ readonly databaseId: string | undefined; readonly startedAt: string }>;
  /** Up to which event a conversation has expired; 0: it has not. */
  expiredSeq(conversationId: string): Promise<number>;
  /** Whom a user has blocked: the user gets only the places of their messages, edits and reactions. */
  blocked(userId: string): Promise<ReadonlySet<string>>;
  /** Who of some users has blocked whom of others. */
  blocksBetween(
    userIds: readonly string[],
    blockedIds: readonly string[],
  ): Promise<readonly { readonly userId: string; readonly blockedId: string }[]>;
  /** The members of a conversation who have blocked the user, or whom the user has blocked. */
  apartFrom(userId: string, conversationId: string): Promise<readonly string[]>;
  /** A part of a conversation, in order. Without `beforeSeq` its end. @throws Fault CONVERSATION_UNKNOWN */
  history(userId: string, conversationId: string, page: HistoryPage): Promise<readonly ChatEvent[]>;
  /** The same from a place or by a page's token. The newer one is also for what is still to come; no older one: ''. */
  historyPage(
    userId: string,
    conversationId: string,
    page: { readonly most: number; readonly token: string; readonly fromSeq: number },
  ): Promise<{ readonly events: readonly ChatEvent[]; readonly olderToken: string; readonly newerToken: string }>;
  /**
   * Messages of a conversation that match, the newest first, of those that the user sees. It reads a bounded part.
   * @param wish a text search configuration of PostgreSQL, and a query in the language of web searches
   * @returns where the next page begins; undefined: all were searched
   * @throws Fault CONVERSATION_UNKNOWN, REQUEST_INVALID for a query without a word
   */
  search(
    userId: string,
    conversationId: string,
    wish: { readonly language: string; readonly query: string; readonly most: number; readonly beforeSeq: number | undefined },
  ): Promise<{ readonly events: readonly ChatEvent[]; readonly beforeSeq: number | undefined }>;
  /**
   * The next events of several conversations, in order, one conversation after the other. Whoever is further behind
   * than `gapMax` gets the last `gapMax`; conversations of which the user is no member are left out.
   * @param from by conversation the last event that is known
   */
  missing(userId: string, from: ReadonlyMap<string, number>, page: { readonly most: number; readonly gapMax: number }): Promise<readonly ChatEvent[]>;
  /**
   * The members in the order of their ids, with their receipts: 0 of whoever has blocked the user, or is blocked.
   * @throws Fault CONVERSATION_UNKNOWN
   */
  members(
    userId: string,
    conversationId: string,
    page: { readonly most: number; readonly afterId: string },
  ): Promise<readonly (Receipt & { readonly role: Role; readonly joinedAtMs: number })[]>;
  /** Raises receipts; a device's delivery is kept for itself. @throws Fault CONVERSATION_UNKNOWN */
  receive(receipt: Receipt & { readonly device: string | undefined }): Promise<{
    readonly receipt: Receipt;
    readonly membership: Membership;
    readonly changed: 'read' | 'delivered' | 'nothing';
  }>;
  /** Changes what only this user sees. @throws Fault CONVERSATION_UNKNOWN, MESSAGE_UNKNOWN */
  change(
    userId: string,
    conversationId: string,
    change: { readonly mutedUntilMs: number | undefined } | { readonly hiddenSeq: number },
  ): Promise<Membership>;
  /** The newest event of each conversation, and the newest own change of each user. */
  tops(
    ids: readonly string[],
    userIds: readonly string[],
  ): Promise<{
    readonly conversations: ReadonlyMap<string, number>;
    readonly users: ReadonlyMap<string, number>;
  }>;
};
