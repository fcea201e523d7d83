import type { ChatEvent, Content, MemberChange, Sender } from '../../gen/portico/v1/chat.ts';
import type { Attachment } from '../../gen/portico/v1/media.ts';
import type { ChatState, Chatting } from './state.ts';
import { isGapBefore, isOf } from './timeline.ts';

/** What a screen shows of a conversation, from top to bottom. */
export type Item =
  | {
      readonly kind: 'message';
      readonly seq: bigint;
      readonly sender: Sender | undefined;
      readonly sentAt: Date | undefined;
      /** Undefined: it was deleted for all. */
      readonly text: string | undefined;
      readonly attachments: readonly Attachment[];
      readonly isEdited: boolean;
      /** How many users have reacted, by reaction. */
      readonly reactions: ReadonlyMap<string, number>;
      /** How far a message of this user has come. Undefined: it is of another one. */
      readonly reached: 'stored' | 'delivered' | 'read' | undefined;
    }
  /** A message of this user that waits for its answer. */
  | { readonly kind: 'queued'; readonly clientId: string; readonly text: string; readonly attachments: number }
  | { readonly kind: 'members'; readonly seq: bigint; readonly changes: readonly MemberChange[] }
  /** A message whose content this user may not see. */
  | { readonly kind: 'hidden'; readonly seq: bigint }
  /** Events are missing here: `load` brings those directly before this one. */
  | { readonly kind: 'gap'; readonly beforeSeq: bigint };

/** Edits, deletions and reactions are part of the messages that they name. */
export function itemsOf({ queue, userId }: Pick<ChatState, 'queue' | 'userId'>, chatting: Chatting): readonly Item[] {
  const { conversation, events } = chatting;
  const reactions = reactionsOf(events);
  const shown = events.flatMap((event, i): readonly Item[] => {
    const gap = isGapBefore(events, i, conversation.own?.afterSeq ?? 0n) ? [{ kind: 'gap', beforeSeq: event.seq } as const] : [];
    const item = itemOf(event, chatting, userId, reactions);
    return item === undefined ? gap : [...gap, item];
  });
  const waiting = queue.flatMap(({ request: { conversationId, entry } }): readonly Item[] =>
    conversationId === conversation.id && entry?.what?.$case === 'message' ? [queuedItem(entry.clientId, entry.what.value.content)] : [],
  );
  return [...shown, ...waiting];
}

function queuedItem(clientId: string, content: Content | undefined): Item {
  return { kind: 'queued', clientId, text: content?.text ?? '', attachments: content?.attachments.length ?? 0 };
}

type Reactions = ReadonlyMap<bigint, ReadonlyMap<string, ReadonlySet<string>>>;

function itemOf(event: ChatEvent, { receipts }: Chatting, userId: string, reactions: Reactions): Item | undefined {
  const { seq, sender, sentAt, what } = event;
  switch (what?.$case) {
    case 'message': {
      const counts = Array.from(reactions.get(seq) ?? [], ([reaction, users]) => [reaction, users.size] as const).filter(([, count]) => count > 0);
      const { content, editedSeq } = what.value;
      const own = isOf(userId, event);
      const has = (kind: 'deliveredSeq' | 'readSeq') => [...receipts.values()].some((receipt) => receipt[kind] >= seq);
      const reached = has('readSeq') ? 'read' : has('deliveredSeq') ? 'delivered' : 'stored';
      const said = { sender, sentAt, text: content?.text, attachments: content?.attachments ?? [], isEdited: editedSeq > 0n };
      return { kind: 'message', seq, ...said, reactions: new Map(counts), reached: own ? reached : undefined };
    }
    case 'membersChanged':
      return { kind: 'members', seq, changes: what.value.changes };
    case 'hidden':
      return what.value.number > 0n ? { kind: 'hidden', seq } : undefined;
    default:
      return undefined; // it is part of another one, or of a kind that this client does not know
  }
}

/** By message, then by reaction: who has reacted, and has not taken it back. */
function reactionsOf(events: readonly ChatEvent[]): Reactions {
  const all = new Map<bigint, Map<string, Set<string>>>();
  for (const { sender, what } of events) {
    if (what?.$case !== 'reacted' || sender === undefined) continue;
    const { targetSeq, reaction, removed } = what.value;
    const ofMessage = all.get(targetSeq) ?? new Map<string, Set<string>>();
    const users = ofMessage.get(reaction) ?? new Set<string>();
    if (removed) users.delete(sender.id);
    else users.add(sender.id);
    all.set(targetSeq, ofMessage.set(reaction, users));
  }
  return all;
}
