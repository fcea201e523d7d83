// The cases of docs/mobile/chat-cases.json on our client.
import { type ChatAction, type ChatClientEvent, type ChatNotice, initialState } from '../../src/client/chat/state.ts';
import { step } from '../../src/client/chat/step.ts';
import type { Change, Kept } from '../../src/client/chat/storage.ts';
import { ChatEvent, ChatHello, ChatRequest, ChatResponse, Conversation, PostRequest } from '../../src/gen/portico/v1/chat.ts';
import { type CaseStep, type Json, player } from './case-file.ts';

type Many = readonly Json[];

function eventOf(event: CaseStep['event']): ChatClientEvent {
  const { message, request, kept, events, seq, beforeSeq } = event as unknown as Record<string, never>;
  return {
    ...event,
    ...(message !== undefined && { message: ChatResponse.fromJSON(message) }),
    ...(request !== undefined && { request: PostRequest.fromJSON(request) }),
    ...(kept !== undefined && { kept: keptOf(kept) }),
    ...(events !== undefined && { events: (events as Many).map((each) => ChatEvent.fromJSON(each)) }),
    ...(seq !== undefined && { seq: BigInt(seq) }),
    ...(beforeSeq !== undefined && { beforeSeq: BigInt(beforeSeq) }),
  } as unknown as ChatClientEvent;
}

type KeptJson = { readonly conversations: Many; readonly ownSeq: string; readonly syncToken: string; readonly queue: Many };

function keptOf({ conversations, ownSeq, syncToken, queue }: KeptJson): Kept {
  return {
    conversations: conversations.map(({ conversation, readSeq, events, isSynced }) => ({
      conversation: Conversation.fromJSON(conversation),
      readSeq: BigInt(readSeq as string),
      events: (events as Many).map((each) => ChatEvent.fromJSON(each)),
      isSynced: isSynced === true,
    })),
    syncToken,
    ownSeq: BigInt(ownSeq),
    queue: queue.map((each) => PostRequest.fromJSON(each)),
  };
}

function jsonOf(action: ChatAction): Json {
  switch (action.do) {
    case 'open':
      return { do: 'open', hello: ChatHello.toJSON(action.hello) };
    case 'send':
      return { do: 'send', message: ChatRequest.toJSON({ message: action.message }) };
    case 'notify':
      return { do: 'notify', notice: noticeOf(action.notice) };
    case 'save':
      return { ...action, changes: action.changes.map(changeOf) };
    default:
      return plain(action);
  }
}

function noticeOf(notice: ChatNotice): Json {
  return notice.kind === 'events' ? { ...notice, events: notice.events.map((each) => ChatEvent.toJSON(each)) } : plain(notice);
}

function changeOf(change: Change): Json {
  switch (change.kind) {
    case 'queued':
      return { ...change, request: PostRequest.toJSON(change.request) };
    case 'conversation':
      return { ...change, conversation: Conversation.toJSON(change.conversation) };
    case 'events':
      return { ...change, events: change.events.map((each) => ChatEvent.toJSON(each)) };
    default:
      return plain(change);
  }
}

/** Numbers of events are strings, as protobuf has them in JSON. */
function plain(value: object): Json {
  return JSON.parse(JSON.stringify(value, (_, each: unknown) => (typeof each === 'bigint' ? String(each) : each))) as Json;
}

export const played = player({ initial: initialState, step, eventOf, jsonOf });
