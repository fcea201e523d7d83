import { ChatServiceDefinition } from '../../../gen/portico/v1/chat.ts';
import { Fault, ruleBroken } from '../../kit/fault.ts';
import { pageTokenAfter, placeOf } from '../../kit/page-token.ts';
import type { Handler, ReadyCall } from '../../ports/call.ts';
import type { Sender } from '../../ports/chat.ts';
import { userOf } from '../../streams/stream-service.ts';
import { serviceHandlers } from '../service-handlers.ts';
import type { ChatParts } from './chat-stream.ts';
import { changeIn, conversationOut, entryIn, eventOut, kindIn, once, ownOut, postedOut, roles } from './messages.ts';
import { type HistoryStart, historyStart, historyToken, sizeOf } from './page-tokens.ts';

const { connect: _, open: __, send: ___, ...unary } = ChatServiceDefinition.methods;

/** The handlers of the unary methods of portico.v1.ChatService. The store decides what a caller may do. */
export function chatHandlers({
  chat,
  actions,
  newId,
}: Pick<ChatParts, 'chat' | 'actions'> & { readonly newId: () => string }): Readonly<Record<string, Handler>> {
  return serviceHandlers(
    { ...ChatServiceDefinition, methods: unary },
    {
      createConversation: async ({ kind, userIds, title, clientId }, call) => {
        const { id: me } = senderOf(call);
        const direct = kindIn(kind) === 'direct';
        if (userIds.includes(me)) throw ruleBroken('user_ids', 'must not contain the caller, who is a member anyway');
        if (direct && userIds.length !== 1) throw ruleBroken('user_ids', 'must have one user of a direct conversation');
        if (direct && title !== '') throw ruleBroken('title', 'is that of a group');
        const members = [me, ...userIds].map((userId) => ({ userId, role: userId === me && !direct ? 'owner' : 'member' }) as const);
        const wish = { id: newId(), kind: kindIn(kind), subject: '', title, createdBy: senderOf(call), clientId, members };
        const { conversation, event } = await actions.create(wish);
        const [membership] = await chat.joined(me, { ids: [conversation.id] });
        if (membership === undefined) throw new Fault('CONVERSATION_UNKNOWN', 'You have left the conversation that you created.');
        return { conversation: conversationOut(membership), created: event !== undefined };
      },
      listConversations: async ({ pageSize, pageToken }, call) => {
        const place = pageToken === '' ? undefined : placeOf(pageToken);
        const before = place && { lastAtMs: place.atMs, id: place.id };
        const { most } = sizeOf(pageSize);
        const found = await chat.list(senderOf(call).id, { most: most + 1, before });
        const page = found.slice(0, most);
        const last = page.at(-1);
        return {
          conversations: page.map((listed) => ({
            conversation: conversationOut(listed),
            lastMessage: listed.lastMessage && eventOut(listed.lastMessage),
          })),
          nextPageToken: last !== undefined && found.length > most ? pageTokenAfter({ atMs: last.lastAtMs, id: last.conversation.id }) : '',
        };
      },
      getHistory: async ({ conversationId, pageSize, pageToken, fromSeq }, call) => {
        const given = fromSeq === 0n ? { beforeSeq: undefined } : { afterSeq: Number(fromSeq) - 1 };
        const start: HistoryStart | { readonly beforeSeq: undefined } = pageToken === '' ? given : historyStart(pageToken);
        const { most } = sizeOf(pageSize);
        const found = await chat.history(senderOf(call).id, conversationId, { ...start, most: most + 1 });
        const forwards = 'afterSeq' in start;
        const page = forwards ? found.slice(0, most) : found.slice(-most);
        const [first, last] = [page[0]?.seq, page.at(-1)?.seq];
        const end = last ?? (forwards ? start.afterSeq : Math.max(0, (start.beforeSeq ?? 1) - 1));
        const hasOlder = forwards ? (first ?? start.afterSeq + 1) > 1 : found.length > most;
        return {
          events: page.map(eventOut),
          olderPageToken: hasOlder ? historyToken({ beforeSeq: first ?? end + 1 }) : '',
          newerPageToken: historyToken({ afterSeq: end }),
        };
      },
      post: async ({ conversationId, entry }, call) => {
        if (entry === undefined) throw new Error('PostRequest has an entry: its rules say so.');
        return { posted: postedOut(await actions.post(conversationId, entryIn(entry, senderOf(call)))) };
      },
      listMembers: async ({ conversationId, pageSize, pageToken }, call) => {
        const { most } = sizeOf(pageSize);
        const found = await chat.members(senderOf(call).id, conversationId, { most: most + 1, afterId: pageToken });
        const page = found.slice(0, most);
        return {
          members: page.map(({ userId, role, joinedAtMs, deliveredSeq, readSeq }) => ({
            userId,
            role: roles[role],
            joinedAt: new Date(joinedAtMs),
            deliveredSeq: BigInt(deliveredSeq),
            readSeq: BigInt(readSeq),
          })),
          nextPageToken: found.length > most ? (page.at(-1)?.userId ?? '') : '',
        };
      },
      changeMembers: async ({ conversationId, changes }, call) => {
        const event = await actions.changeMembers(conversationId, senderOf(call), once('changes', changes.map(changeIn)));
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
    },
  );
}

function senderOf(call: ReadyCall): Sender & { readonly sessionId: string | undefined } {
  const { userId, sessionId } = userOf(call);
  return { kind: 'user', id: userId, sessionId };
}
