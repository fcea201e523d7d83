import {
  type ChatEvent as ChatEventMessage,
  ChatResponse,
  type Content,
  type Conversation,
  ConversationKind,
  type Entry,
  type MemberChange,
  MemberRole,
  type OwnState,
  type Posted,
  SenderKind,
} from '../../../gen/portico/v1/chat.ts';
import { ruleBroken } from '../../kit/fault.ts';
import type { Attachment } from '../../ports/attachments.ts';
import type { Appended, ChatEvent, Membership, NewConversation, NewEntry, Role, Sender } from '../../ports/chat.ts';

export const kinds = { direct: ConversationKind.CONVERSATION_KIND_DIRECT, group: ConversationKind.CONVERSATION_KIND_GROUP } as const;
const senderKinds = { user: SenderKind.SENDER_KIND_USER, bot: SenderKind.SENDER_KIND_BOT, system: SenderKind.SENDER_KIND_SYSTEM } as const;
export const roles = {
  member: MemberRole.MEMBER_ROLE_MEMBER,
  admin: MemberRole.MEMBER_ROLE_ADMIN,
  owner: MemberRole.MEMBER_ROLE_OWNER,
} as const satisfies Record<Role, MemberRole>;

export function kindIn(kind: ConversationKind): NewConversation['kind'] {
  return kind === kinds.direct ? 'direct' : 'group';
}

export function changeIn({ userId, role }: MemberChange): NonNullable<ChatEvent['changes']>[number] {
  return { userId, role: (Object.keys(roles) as Role[]).find((name) => roles[name] === role) };
}

/** What a client sends, as the store takes it. Rules of the .proto have been checked. */
export function entryIn({ clientId, what }: Entry, sender: Sender): Omit<NewEntry, 'eventId'> {
  const common = { sender, clientId };
  switch (what?.$case) {
    case 'message': {
      const { content, replyToSeq } = what.value;
      return {
        ...common,
        kind: 'message',
        ...contentIn(content),
        attachmentIds: attachmentIdsIn(content),
        replySeq: replyToSeq === 0n ? undefined : Number(replyToSeq),
      };
    }
    case 'edit':
      return { ...common, kind: 'edit', ...contentIn(what.value.content), targetSeq: Number(what.value.targetSeq) };
    case 'delete':
      return { ...common, kind: 'delete', targetSeq: Number(what.value.targetSeq) };
    case 'react': {
      const { targetSeq, reaction, remove } = what.value;
      return { ...common, kind: 'reaction', targetSeq: Number(targetSeq), reaction, removed: remove };
    }
    case undefined:
      throw new Error('An entry says what it is: its rules say so.');
  }
}

export function conversationOut(membership: Membership): Conversation {
  const { id, kind, subject, title, createdAtMs, lastSeq, membersCount, expiredSeq } = membership.conversation;
  const createdAt = new Date(createdAtMs);
  return {
    id,
    kind: kinds[kind],
    subject,
    title,
    createdAt,
    lastSeq: BigInt(lastSeq),
    membersCount,
    own: ownOut(membership),
    expiredSeq: BigInt(expiredSeq),
  };
}

export function ownOut({ conversation, role, afterSeq, readSeq, unread, mutedUntilMs, ownSeq, hiddenSeqs }: Membership): OwnState {
  return {
    role: roles[role],
    afterSeq: BigInt(afterSeq),
    readSeq: BigInt(readSeq),
    unread,
    mutedUntil: mutedUntilMs === undefined ? undefined : new Date(mutedUntilMs),
    ownSeq: BigInt(ownSeq),
    asOfSeq: BigInt(conversation.lastSeq),
    hiddenSeqs: hiddenSeqs.map(BigInt),
  };
}

export function postedOut({ seq, number = 0, eventId, sentAtMs, repeated }: Appended): Posted {
  return { seq: BigInt(seq), number: BigInt(number), eventId, sentAt: new Date(sentAtMs), repeated };
}

/** A message of the server as bytes, which many clients may share. */
export function encode(message: NonNullable<ChatResponse['message']>): Uint8Array {
  return ChatResponse.encode({ message }).finish();
}

/** Events of one conversation that follow each other. */
export function encodeEvents(conversationId: string, events: readonly ChatEvent[]): Uint8Array {
  return encode({ $case: 'events', value: { conversationId, afterSeq: BigInt((events[0]?.seq ?? 1) - 1), events: events.map(eventOut) } });
}

export function eventOut(event: ChatEvent): ChatEventMessage {
  const { seq, eventId, sender, sentAtMs, clientId = '', kind } = event;
  const common = { seq: BigInt(seq), eventId, sentAt: new Date(sentAtMs), clientId, what: whatOut(event) };
  return { ...common, sender: kind === 'hidden' ? undefined : { kind: senderKinds[sender.kind], id: sender.id } };
}

function whatOut(event: ChatEvent): ChatEventMessage['what'] {
  const { kind, number = 0, replySeq = 0, editedSeq = 0, deletedSeq = 0, reaction = '', removed = false, changes = [] } = event;
  const targetSeq = BigInt(event.targetSeq ?? 0);
  const content = contentOut(event);
  switch (kind) {
    case 'message': {
      const value = { number: BigInt(number), content, replyToSeq: BigInt(replySeq), editedSeq: BigInt(editedSeq), deletedSeq: BigInt(deletedSeq) };
      return { $case: 'message', value };
    }
    case 'edit':
      return { $case: 'edited', value: { targetSeq, content } };
    case 'delete':
      return { $case: 'deleted', value: { targetSeq } };
    case 'reaction':
      return { $case: 'reacted', value: { targetSeq, reaction, removed } };
    case 'members':
      return {
        $case: 'membersChanged',
        value: { changes: changes.map(({ userId, role }) => ({ userId, role: role === undefined ? 0 : roles[role] })) },
      };
    case 'hidden':
      return { $case: 'hidden', value: { number: BigInt(number) } };
  }
}

export function contentIn(content: Content | undefined) {
  return { text: content?.text ?? '', data: content === undefined || content.data.length === 0 ? undefined : content.data };
}

/** @returns undefined: none */
function attachmentIdsIn(content: Content | undefined): readonly string[] | undefined {
  const ids = (content?.attachments ?? []).map(({ id }) => id.toLowerCase());
  if (new Set(ids).size < ids.length) throw ruleBroken('content.attachments', 'has one twice');
  return ids.length === 0 ? undefined : ids;
}

/** A deleted message has no text, not an empty one. */
function contentOut({ text, data, attachments = [] }: ChatEvent): Content | undefined {
  return text === undefined ? undefined : { text, data: Buffer.from(data ?? []), attachments: attachments.map(attachmentOut) };
}

function attachmentOut({ sizeBytes, sha256, ...attachment }: Attachment) {
  return { ...attachment, sizeBytes: BigInt(sizeBytes), sha256: Buffer.from(sha256) };
}

/**
 * A request with its conversation in the one spelling that the server uses: the rule of a UUID takes capitals, too, and
 * what is compared as text would not find it.
 */
export function canonicalIds<Request>(request: Request): Request {
  const { conversationId } = request as { readonly conversationId?: string };
  return conversationId === undefined ? request : { ...request, conversationId: canonicalId(conversationId) };
}

export const canonicalId = (id: string): string => id.toLowerCase();
