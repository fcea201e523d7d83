import { asCallError } from '../../client/call-error.ts';
import { searchMessages } from '../../client/chat/search.ts';
import type { ChatState } from '../../client/chat/state.ts';
import { isOf } from '../../client/chat/timeline.ts';
import type { Client } from '../../client/client.ts';
import type { ChatEvent } from '../../gen/portico/v1/chat.ts';
import { ReportReason } from '../../gen/portico/v1/safety.ts';

/** What a draft asks for that begins with a slash. */
export type Command =
  | { readonly do: 'search'; readonly conversationId: string; readonly query: string }
  | { readonly do: 'block' | 'unblock'; readonly user: string }
  | { readonly do: 'report'; readonly conversationId: string; readonly seq: bigint; readonly comment: string }
  | { readonly do: 'help' };

const help = ['/search WORDS   /report WHY: the newest message of another user', '/block USER   /unblock USER: unset, whoever wrote it'];
/** Messages of a search that are shown. */
const foundMax = 5;

/** Undefined: it is a message. */
export function commandOf(
  draft: string,
  conversationId: string,
  { conversations, userId }: Pick<ChatState, 'conversations' | 'userId'>,
): Command | undefined {
  const [, name, rest = ''] = /^\/(\S*)\s*(.*)$/s.exec(draft) ?? [];
  if (name === undefined) return undefined;
  const newest = conversations.get(conversationId)?.events.findLast((event) => event.what?.$case === 'message' && !isOf(userId, event));
  const user = rest.trim() || newest?.sender?.id;
  if (name === 'search' && rest.trim() !== '') return { do: 'search', conversationId, query: rest.trim() };
  if ((name === 'block' || name === 'unblock') && user !== undefined) return { do: name, user };
  if (name === 'report' && newest !== undefined) return { do: 'report', conversationId, seq: newest.seq, comment: rest.trim() };
  return { do: 'help' };
}

/** @returns lines for the user; of a call that fails, its reason */
export async function run({ calls, safety }: Pick<Client, 'calls' | 'safety'>, command: Command): Promise<readonly string[]> {
  try {
    switch (command.do) {
      case 'help':
        return help;
      case 'block':
        await safety.block(command.user);
        return [`${command.user} is blocked. /unblock ${command.user} ends it.`];
      case 'unblock':
        await safety.unblock(command.user);
        return [`${command.user} is not blocked.`];
      case 'report': {
        const { conversationId, seq, comment } = command;
        await safety.report({ conversationId, seq, comment, reason: ReportReason.REPORT_REASON_OTHER });
        return ['The message is reported.'];
      }
      case 'search':
        return await search(calls, command);
    }
  } catch (error) {
    const { reason, code, message } = asCallError(error);
    return [`${reason || code}: ${message}`];
  }
}

async function search(calls: Client['calls'], wish: { readonly conversationId: string; readonly query: string }): Promise<readonly string[]> {
  const found: ChatEvent[] = [];
  for await (const events of searchMessages(calls, wish)) {
    found.push(...events);
    if (found.length > foundMax) break;
  }
  const lines = found.slice(0, foundMax).map(({ sender, what }) => `  ${sender?.id}: ${what?.$case === 'message' ? what.value.content?.text : ''}`);
  const count = found.length > foundMax ? `the newest ${foundMax}` : found.length;
  return [`Found: ${count} ${found.length === 1 ? 'message' : 'messages'} with ${wish.query}`, ...lines];
}
