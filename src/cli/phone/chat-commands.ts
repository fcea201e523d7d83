import { CallError } from '../../client/call-error.ts';
import { searchMessages } from '../../client/chat/search.ts';
import type { ChatState } from '../../client/chat/state.ts';
import { isOf } from '../../client/chat/timeline.ts';
import type { Client } from '../../client/client.ts';
import type { ChatEvent } from '../../gen/portico/v1/chat.ts';
import type { Attachment } from '../../gen/portico/v1/media.ts';
import { ReportReason } from '../../gen/portico/v1/safety.ts';
import { attach, attachmentsIn, save } from './attachments.ts';

/** What a draft asks for that begins with a slash. */
export type Command =
  | { readonly do: 'search'; readonly conversationId: string; readonly query: string }
  | { readonly do: 'block' | 'unblock'; readonly user: string }
  | { readonly do: 'report'; readonly conversationId: string; readonly seq: bigint; readonly comment: string }
  | { readonly do: 'attach'; readonly conversationId: string; readonly path: string }
  | { readonly do: 'save'; readonly attachment: Attachment; readonly path: string }
  | { readonly do: 'help' };

const help = [
  '/attach PATH: send a file   /save [N] [PATH]: the newest attachment, or the one with the number N',
  '/search WORDS   /report WHY: the newest message of another user',
  '/block USER   /unblock USER: unset, whoever wrote it',
];
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
  const { events } = conversations.get(conversationId) ?? { events: [] };
  const newest = events.findLast((event) => event.what?.$case === 'message' && !isOf(userId, event));
  const user = rest.trim() || newest?.sender?.id;
  if (name === 'search' && rest.trim() !== '') return { do: 'search', conversationId, query: rest.trim() };
  if ((name === 'block' || name === 'unblock') && user !== undefined) return { do: name, user };
  if (name === 'report' && newest !== undefined) return { do: 'report', conversationId, seq: newest.seq, comment: rest.trim() };
  if (name === 'attach' && rest.trim() !== '') return { do: 'attach', conversationId, path: rest.trim() };
  const [, number = '1', path = ''] = /^(?:(\d{1,4})(?:\s+|$))?(.*)$/s.exec(rest.trim()) ?? [];
  const attachment = attachmentsIn({ events })[Number(number) - 1];
  if (name === 'save' && attachment !== undefined) return { do: 'save', attachment, path };
  return { do: 'help' };
}

/** @param show called with lines while it runs. @returns lines for the user; of a call that fails, its reason */
export async function run(
  client: Pick<Client, 'calls' | 'chat' | 'media' | 'safety'>,
  command: Command,
  show: (lines: readonly string[]) => void,
): Promise<readonly string[]> {
  const { calls, safety } = client;
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
      case 'attach':
        return await attach(client, command, show);
      case 'save':
        return await save(client, command, show);
    }
  } catch (error) {
    if (error instanceof CallError) return [`${error.reason || error.code}: ${error.message}`];
    return [error instanceof Error ? error.message : String(error)]; // such as of a file that is not there
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
