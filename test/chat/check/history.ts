import type { ChatCalls } from '../../support/server/chat-server.ts';

export type History = Awaited<ReturnType<typeof historyOf>>;

/** All events of a conversation. */
export async function historyOf(calls: ChatCalls, user: string, conversationId: string) {
  const found: { seq: number; eventId: string; clientId: string; sender: string; kind: string; text: string | undefined; changes: unknown[] }[] = [];
  for (let fromSeq = 1n; ; ) {
    const { events } = await calls.call(user, 'GetHistory', { conversationId, fromSeq });
    if (events.length === 0) return found;
    for (const { seq, eventId, clientId, sender, what } of events)
      found.push({
        ...{ seq: Number(seq), eventId, clientId, sender: sender.id, kind: what.case },
        ...{ text: what.value.content?.text, changes: what.value.changes ?? [] },
      });
    fromSeq = events.at(-1).seq + 1n;
  }
}
