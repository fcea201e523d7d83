import { type ChatEvent, ChatServiceDefinition, type SearchMessagesResponse } from '../../gen/portico/v1/chat.ts';
import type { Calls } from '../calls.ts';

/**
 * Messages of a conversation that have the words of the query, the newest first. Each turn is one call, and may bring
 * none while older messages are still to be searched: show what was found, and whether it goes on.
 * @throws CallError such as REQUEST_INVALID for a query without a word
 */
export async function* searchMessages(
  { call }: Pick<Calls, 'call'>,
  { conversationId, query }: { readonly conversationId: string; readonly query: string },
): AsyncGenerator<readonly ChatEvent[], void> {
  for (let pageToken = ''; ; ) {
    const page: SearchMessagesResponse = await call(ChatServiceDefinition, 'searchMessages', { conversationId, query, pageSize: 0, pageToken });
    yield page.events;
    if (page.nextPageToken === '') return;
    pageToken = page.nextPageToken;
  }
}
