import { hash } from 'node:crypto';
import { ChatServiceDefinition } from '../../../gen/portico/v1/chat.ts';
import { ruleBroken } from '../../kit/fault.ts';
import { pageOf, pageSizeOf, pageTokenAfter, placeOf } from '../../kit/page-token.ts';
import type { Handler, ReadyCall } from '../../ports/call.ts';
import type { Sender } from '../../ports/chat.ts';
import { pageMax } from '../../ports/chat-limits.ts';
import { userOf } from '../../streams/stream-service.ts';
import { type ServiceMethods, serviceHandlers } from '../service-handlers.ts';
import type { ChatParts } from './chat-stream.ts';
import { canonicalIds, changeIn, conversationOut, entryIn, eventOut, kindIn, ownOut, postedOut, roles } from './encode-chat.ts';
import type { SearchRules } from './rate-limits-of-users.ts';
import type { CheckSubject } from './who-may-open.ts';

const { connect: _, open: __, send: ___, ...methods } = ChatServiceDefinition.methods;
const unary = { ...ChatServiceDefinition, methods };
/** Conversations, events and members of one page. */
type Parts = Pick<ChatParts, 'chat' | 'actions' | 'postOfUser'> & {
  readonly checkSubject: CheckSubject;
  readonly newId: () => string;
  readonly search: SearchRules;
};

/** The handlers of the unary methods of portico.v1.ChatService. The store decides what a caller may do. */
export function chatHandlers({ chat, actions, postOfUser, checkSubject, newId, search }: Parts): Readonly<Record<string, Handler>> {
  const answers: ServiceMethods<typeof unary> = {
    createConversation: async ({ kind, userIds, title, subject, clientId }, call) => {
      await checkSubject(subject, call);
      const { id: me } = senderOf(call);
      const direct = kindIn(kind) === 'direct';
      const members = [me, ...userIds].map((userId) => ({ userId, role: userId === me && !direct ? 'owner' : 'member' }) as const);
      const wish = { id: newId(), kind: kindIn(kind), subject, title, createdBy: senderOf(call), clientId, members };
      const { conversation, event } = await actions.create(wish);
      const [membership] = await chat.joined(me, { ids: [conversation.id] });
      return { conversation: membership && conversationOut(membership), created: event?.seq === 1 };
    },
    listConversations: async ({ pageSize, pageToken }, call) => {
      const place = pageToken === '' ? undefined : placeOf(pageToken);
      const before = place && { lastAtMs: place.atMs, id: place.id };
      const most = pageSizeOf(pageSize, pageMax.list);
      const found = await chat.list(senderOf(call).id, { most: most + 1, before });
      const { page, nextPageToken } = pageOf(found, most, ({ lastAtMs, conversation }) => pageTokenAfter({ atMs: lastAtMs, id: conversation.id }));
      return {
        conversations: page.map((listed) => ({
          conversation: conversationOut(listed),
          lastMessage: listed.lastMessage && eventOut(listed.lastMessage),
        })),
        nextPageToken,
      };
    },
    getHistory: async ({ conversationId, pageSize, pageToken, fromSeq }, call) => {
      const page = { most: pageSizeOf(pageSize, pageMax.list), token: pageToken, fromSeq: Number(fromSeq) };
      const { events, olderToken, newerToken } = await chat.historyPage(senderOf(call).id, conversationId, page);
      const expiredSeq = BigInt(olderToken === '' ? await chat.expiredSeq(conversationId) : 0);
      return { events: events.map(eventOut), olderPageToken: olderToken, newerPageToken: newerToken, expiredSeq };
    },
    searchMessages: async ({ conversationId, query, pageSize, pageToken }, call) => {
      const { id: me } = senderOf(call);
      search.take(me);
      const searched = { conversationId, query, language: search.language };
      const beforeSeq = searchPlaceOf(searched, pageToken);
      const wish = { ...searched, most: pageSizeOf(pageSize, pageMax.found), beforeSeq };
      const { events, beforeSeq: next } = await chat.search(me, conversationId, wish);
      return { events: events.map(eventOut), nextPageToken: next === undefined ? '' : searchTokenOf(searched, next) };
    },
    post: async ({ conversationId, entry }, call) => {
      if (entry === undefined) throw new Error('PostRequest has an entry: its rules say so.');
      const wish = { ...entryIn(entry, senderOf(call)), origin: call.trace.sampled ? call.trace : undefined };
      return { posted: postedOut(await postOfUser(conversationId, wish, call)) };
    },
    listMembers: async ({ conversationId, pageSize, pageToken }, call) => {
      const most = pageSizeOf(pageSize, pageMax.list);
      const found = await chat.members(senderOf(call).id, conversationId, { most: most + 1, afterId: pageToken });
      const { page, nextPageToken } = pageOf(found, most, ({ userId }) => userId);
      return {
        members: page.map(({ userId, role, joinedAtMs, deliveredSeq, readSeq }) => ({
          userId,
          role: roles[role],
          joinedAt: new Date(joinedAtMs),
          deliveredSeq: BigInt(deliveredSeq),
          readSeq: BigInt(readSeq),
        })),
        nextPageToken,
      };
    },
    changeMembers: async ({ conversationId, changes }, call) => {
      const event = await actions.changeMembers(conversationId, senderOf(call), changes.map(changeIn));
      return { seq: BigInt(event?.seq ?? 0) };
    },
    leaveConversation: async ({ conversationId }, call) => {
      const me = senderOf(call);
      await actions.changeMembers(conversationId, me, [{ userId: me.id }]);
      return {};
    },
    markReceived: async ({ conversationId, deliveredSeq, readSeq }, call) => {
      const { id: userId, sessionId: device } = senderOf(call);
      const receipt = { conversationId, userId, device, deliveredSeq: Number(deliveredSeq), readSeq: Number(readSeq) };
      return { own: ownOut(await actions.receive(receipt)) };
    },
    muteConversation: async ({ conversationId, until }, call) => ({
      own: ownOut(await actions.change(senderOf(call).id, conversationId, { mutedUntilMs: until?.getTime() })),
    }),
    hideMessage: async ({ conversationId, seq }, call) => ({
      own: ownOut(await actions.change(senderOf(call).id, conversationId, { hiddenSeq: Number(seq) })),
    }),
  };
  return serviceHandlers(unary, answers, canonicalIds);
}

function senderOf(call: ReadyCall): Sender & { readonly sessionId: string | undefined } {
  const { userId, sessionId } = userOf(call);
  return { kind: 'user', id: userId, sessionId };
}

/** What a search asks for: a page token is good for this alone. */
export type Searched = { readonly conversationId: string; readonly query: string; readonly language: string };

/** A place of 8 bytes, and 8 bytes of the hash of what is searched. */
const [placeBytes, hashBytes] = [8, 8];

/** Where the next page begins, as 22 characters: the rule of `page_token` in the .proto. */
export function searchTokenOf(searched: Searched, beforeSeq: number): string {
  const bytes = Buffer.alloc(placeBytes + hashBytes);
  bytes.writeBigUInt64BE(BigInt(beforeSeq));
  digestOf(searched).copy(bytes, placeBytes);
  return bytes.toString('base64url');
}

/** A token may be made up: each is a place in a conversation that only members search. @throws Fault REQUEST_INVALID */
export function searchPlaceOf(searched: Searched, token: string): number | undefined {
  if (token === '') return undefined;
  const seq = Number(Buffer.from(token, 'base64url').readBigUInt64BE());
  if (seq < 1 || seq > Number.MAX_SAFE_INTEGER || searchTokenOf(searched, seq) !== token)
    throw ruleBroken('page_token', 'is no next_page_token of this search');
  return seq;
}

function digestOf({ conversationId, query, language }: Searched): Buffer {
  return hash('sha256', JSON.stringify([conversationId, query, language]), 'buffer').subarray(0, hashBytes);
}
