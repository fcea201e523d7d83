import type { ChatCalls } from '../../support/server/chat-server.ts';
import type { CheckClient } from './client.ts';
import type { History } from './history.ts';

export type Observed = {
  readonly clients: readonly CheckClient[];
  /** By conversation: what is stored. */
  readonly histories: ReadonlyMap<string, History>;
  readonly members: ReadonlyMap<string, readonly string[]>;
  readonly calls: ChatCalls;
};

/** Holds what was stored against what each client saw. @returns every promise that was broken, in one line each */
export async function findBroken({ clients, histories, members, calls }: Observed): Promise<readonly string[]> {
  const broken = clients.flatMap(({ broken }) => broken);
  for (const [id, history] of histories) {
    for (const [i, { seq }] of history.entries()) if (seq !== i + 1) broken.push(`a hole: ${seq} is at place ${i + 1} of ${id}`);
    const byClientId = Map.groupBy(
      history.filter(({ kind }) => kind === 'message'),
      ({ clientId }) => clientId,
    );
    for (const [clientId, same] of byClientId) if (same.length > 1) broken.push(`doubled: ${clientId} ${same.length} times`);
    for (const client of clients) broken.push(...heldAgainst(client, id, history, members.get(id) ?? []));
    for (const { userId, readSeq, role } of (await calls.call(members.get(id)?.[0] ?? '', 'ListMembers', { conversationId: id })).members) {
      if (role === undefined) continue;
      const seen = clients.flatMap(({ receipts }) => receipts).filter((receipt) => receipt.conversationId === id && receipt.userId === userId);
      for (const receipt of seen)
        if (receipt.readSeq > Number(readSeq)) broken.push(`a receipt of ${userId} went back from ${receipt.readSeq} to ${readSeq}`);
    }
    for (const user of members.get(id) ?? []) broken.push(...(await unreadOf(calls, user, id, history)));
  }
  return broken;
}

function heldAgainst(client: CheckClient, id: string, history: History, members: readonly string[]): readonly string[] {
  const broken: string[] = [];
  for (const [clientId, { conversationId, seq }] of client.acknowledged) {
    if (conversationId !== id) continue;
    const stored = history[seq - 1];
    const { text } = client.sent.get(clientId) ?? {};
    if (stored?.clientId !== clientId || stored.text !== text || stored.sender !== client.user)
      broken.push(`lost: ${clientId} was acknowledged as ${seq} of ${id}, which is ${stored?.clientId}`);
  }
  const got = client.events.get(id) ?? new Map();
  for (const [seq, { eventId, text }] of got) {
    const stored = history[seq - 1];
    if (stored !== undefined && (stored.eventId !== eventId || stored.text !== text))
      broken.push(`${client.name} got another event as ${seq} of ${id}`);
  }
  const removal = history.find(({ changes }) =>
    (changes as { userId: string; role: number }[]).some(({ userId, role }) => userId === client.user && role === 0),
  );
  if (!members.includes(client.user)) {
    const most = removal?.seq ?? 0;
    for (const seq of got.keys()) if (seq >= most) broken.push(`${client.name}, no member, got ${seq} of ${id}`);
  } else if (!client.name.endsWith('.1')) {
    const first = Math.min(...got.keys());
    for (let seq = first; seq <= history.length; seq++) if (!got.has(seq)) broken.push(`${client.name} misses ${seq} of ${history.length} of ${id}`);
  }
  return broken;
}

async function unreadOf(calls: Observed['calls'], user: string, id: string, history: History): Promise<readonly string[]> {
  const { conversations } = await calls.call(user, 'ListConversations', {});
  const own = conversations.find(({ conversation }: { conversation: { id: string } }) => conversation.id === id)?.conversation.own;
  const expected = history.filter(({ kind, sender, seq }) => kind === 'message' && sender !== user && seq > Number(own?.readSeq)).length;
  return own?.unread === Math.min(1_000, expected) ? [] : [`${user} has ${own?.unread} unread of ${id} instead of ${expected}`];
}
