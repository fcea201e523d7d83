import type { PostRequest } from '../../gen/portico/v1/chat.ts';
import type { ChatClientEvent } from './state.ts';
import { canonicalId } from './storage.ts';

/** An event with its conversations as the server names them: an app, or an older storage, may have them in capitals. */
export function canonicalIds(event: ChatClientEvent): ChatClientEvent {
  switch (event.type) {
    case 'restore':
      return { ...event, kept: { ...event.kept, queue: event.kept.queue.map(canonicalRequest) } };
    case 'post':
      return { ...event, request: canonicalRequest(event.request) };
    case 'look':
      return { ...event, conversationIds: event.conversationIds.map(canonicalId) };
    case 'read':
    case 'typing':
    case 'load':
    case 'loaded':
      return { ...event, conversationId: canonicalId(event.conversationId) };
    default:
      return event; // of the server, or without a conversation
  }
}

const canonicalRequest = (request: PostRequest): PostRequest => ({ ...request, conversationId: canonicalId(request.conversationId) });
