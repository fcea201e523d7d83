import { type ChatEvent, SenderKind } from '../../gen/portico/v1/chat.ts';

/**
 * Events by number: those that came replace those that were there. Edits and deletions change the messages that they
 * name, and deletions the reactions of an erased user, in whatever order both have come.
 */
export function merged(events: readonly ChatEvent[], came: readonly ChatEvent[]): readonly ChatEvent[] {
  if (came.length === 0) return events;
  const bySeq = new Map([...events, ...came].map((event) => [event.seq, event]));
  const all = [...bySeq.values()].sort((a, b) => (a.seq < b.seq ? -1 : 1));
  for (const change of all) apply(bySeq, change);
  return all.map(({ seq }) => bySeq.get(seq) as ChatEvent);
}

/** These places without their content: the user has hidden them. */
export function hidden(events: readonly ChatEvent[], seqs: readonly bigint[]): readonly ChatEvent[] {
  if (seqs.length === 0) return events;
  const hides = new Set(seqs);
  return events.map((event): ChatEvent => {
    const { what } = event;
    if (hides.has(event.seq))
      return { ...event, sender: undefined, what: { $case: 'hidden', value: { number: what?.$case === 'message' ? what.value.number : 0n } } };
    return what?.$case === 'edited' && hides.has(what.value.targetSeq) ? withoutContent(event, what.value.targetSeq) : event;
  });
}

/** Whether events are missing directly before one. @param afterSeq events up to this one are not for this user */
export function isGapBefore(events: readonly ChatEvent[], index: number, afterSeq: bigint): boolean {
  const seq = events[index]?.seq ?? 0n;
  const before = index === 0 ? afterSeq : (events[index - 1]?.seq ?? 0n);
  return seq > before + 1n;
}

export function isOf(userId: string, { sender }: ChatEvent): boolean {
  return sender?.kind === SenderKind.SENDER_KIND_USER && sender.id === userId;
}

function apply(bySeq: Map<bigint, ChatEvent>, { seq, what }: ChatEvent): void {
  if (what?.$case !== 'edited' && what?.$case !== 'deleted') return;
  const { targetSeq } = what.value;
  const target = bySeq.get(targetSeq);
  if (what.$case === 'deleted' && target?.what?.$case === 'reacted')
    bySeq.set(targetSeq, { ...target, sender: undefined, what: { $case: 'reacted', value: { ...target.what.value, reaction: '', removed: true } } });
  if (target?.what?.$case !== 'message') return;
  const { value } = target.what;
  if (what.$case === 'deleted') {
    bySeq.set(targetSeq, { ...target, what: { $case: 'message', value: { ...value, content: undefined, deletedSeq: seq } } });
    for (const event of bySeq.values())
      if (event.what?.$case === 'edited' && event.what.value.targetSeq === targetSeq) bySeq.set(event.seq, withoutContent(event, targetSeq));
  } else if (value.deletedSeq === 0n && seq > value.editedSeq && what.value.content !== undefined) {
    const content = { ...what.value.content, attachments: value.content?.attachments ?? [] }; // an edit leaves them as they are
    bySeq.set(targetSeq, { ...target, what: { $case: 'message', value: { ...value, content, editedSeq: seq } } });
  }
}

function withoutContent(event: ChatEvent, targetSeq: bigint): ChatEvent {
  return { ...event, what: { $case: 'edited', value: { targetSeq, content: undefined } } };
}

/** The later one of two numbers of events: Math.max takes none of their type. */
export const later = (a: bigint, b: bigint): bigint => (a > b ? a : b);
