import type { ChatHello, ChatRequest, MarkReceivedRequest, PostRequest } from '../../../gen/portico/v1/chat.ts';
import type { ReadyCall } from '../../ports/call.ts';
import { conversationTemplate } from '../../ports/chat-announcements.ts';
import type { ShortSpans } from '../../ports/short-spans.ts';
import { isDefect, outcomeOf } from '../../streams/close-advice.ts';
import type { Stream } from '../../streams/stream.ts';
import { type StreamHandler, userOf } from '../../streams/stream-service.ts';
import { type ConversationPresences, lookingOf } from './conversation-presence.ts';
import { type DeliverParts, deliverChat } from './deliver-chat.ts';
import { canonicalIds, encode, entryIn, postedOut } from './encode-chat.ts';
import type { PostOfUser } from './review-by-hook.ts';
import type { ChatActions } from './store-then-announce.ts';
import { typingOf } from './typing.ts';

/** What every chat stream of this replica uses. */
export type ChatParts = DeliverParts & {
  readonly actions: ChatActions;
  readonly postOfUser: PostOfUser;
  readonly presences: ConversationPresences;
  readonly spans: ShortSpans;
};

/** Entries of one client that are being stored. */
const postsMax = 32;

/** The stream of one client: what it sends is done here, and what it is sent by `deliverChat`. */
export function chatStream(stream: Stream, call: ReadyCall, parts: ChatParts, hello: ChatHello): StreamHandler<ChatRequest> {
  const { actions, postOfUser, log } = parts;
  const { userId, sessionId } = userOf(call);
  const device = hello.device || sessionId;
  const posts = new Set<Promise<void>>();
  const subscribing = parts.spans.begin('subscribe conversations', call.trace);
  const delivery = deliverChat(stream, userId, hello, { ...parts, span: call.trace, subscribing });

  const post = async ({ conversationId, entry }: PostRequest) => {
    if (entry === undefined) return;
    const span = parts.spans.begin('send conversation', call.trace);
    const wish = { ...entryIn(entry, { kind: 'user', id: userId }), origin: span?.context };
    const { value: appended, ...refusal } = await outcomeOf(postOfUser(conversationId, wish, call), (error) =>
      log.error('A message was not stored by a defect.', { error }),
    );
    span?.end({ 'messaging.destination.template': conversationTemplate }, refusal.reason);
    const answer = { posted: appended && postedOut(appended), ...refusal };
    stream.out.send(encode({ $case: 'posted', value: { conversationId, clientId: entry.clientId, ...answer } }), 0);
  };
  const postSome = async (request: PostRequest) => {
    const posting = post(request).finally(() => posts.delete(posting));
    posts.add(posting);
    if (posts.size >= postsMax) await Promise.race(posts);
  };
  const receive = async ({ conversationId, deliveredSeq, readSeq }: MarkReceivedRequest) => {
    const receipt = { conversationId, userId, device, deliveredSeq: Number(deliveredSeq), readSeq: Number(readSeq) };
    await actions.receive(receipt).catch((error: unknown) => {
      if (isDefect(error)) log.error('A receipt was not stored by a defect.', { error }); // the next one says the same
    });
  };
  const typing = typingOf(stream, userId, delivery, parts);
  const looking = lookingOf(stream, userId, parts);
  return {
    handle: async (message) => {
      switch (message.$case) {
        case 'post':
          return postSome(canonicalIds(message.value));
        case 'received':
          return receive(canonicalIds(message.value));
        case 'looking':
          return looking.look(message.value);
        case 'typing':
          return typing(canonicalIds(message.value));
        default:
          return stream.handle(message);
      }
    },
    renewed: () => {}, // the user stays the same
    close: () => {
      looking.close();
      delivery.close();
    },
  };
}
