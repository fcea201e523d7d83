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
  const broken: string[] = [];
  for (const [id, history] of histories) {
    for (const [i, { seq }] of history.entries()) if (seq !== i + 1) broken.push(`a hole: ${seq} is at place ${i + 1} of ${id}`);
    const messages = history.filter(({ kind }) => kind === 'message');
    for (const [clientId, same] of Map.groupBy(messages, (message) => message.clientId))
      if (same.length > 1) broken.push(`doubled: ${clientId} ${same.length} times`);
    for (const client of clients) {
      broken.push(...lostOf(client, id, history), ...othersOf(client, id, history));
      const isMember = members.get(id)?.includes(client.user) ?? false;
      broken.push(...(isMember ? missedBy(client, id, history) : seenByStranger(client, id, history)));
    }
    for (const { userId, readSeq, role } of (await calls.call(members.get(id)?.[0] ?? '', 'ListMembers', { conversationId: id })).members) {
      if (role === undefined) continue;
      const seen = clients.flatMap(({ receipts }) => receipts).filter((receipt) => receipt.conversationId === id && receipt.userId === userId);
      const most = Math.max(0, ...seen.map((receipt) => receipt.readSeq));
      if (most > Number(readSeq)) broken.push(`a receipt of ${userId} went back from ${most} to ${readSeq}`);
    }
    for (const user of members.get(id) ?? []) broken.push(...(await unreadOf(calls, user, id, history)));
  }
  return [...broken, ...clients.flatMap((client) => client.broken())];
}

function lostOf(client: CheckClient, id: string, history: History): readonly string[] {
  return [...client.acknowledged].flatMap(([clientId, { conversationId, seq }]) => {
    if (conversationId !== id) return [];
    const stored = history[seq - 1];
    const isThere = stored?.clientId === clientId && stored.text === client.sent.get(clientId)?.text && stored.sender === client.user;
    return isThere ? [] : [`lost: ${clientId} was acknowledged as ${seq} of ${id}, which is ${stored?.clientId}`];
  });
}

function othersOf(client: CheckClient, id: string, history: History): readonly string[] {
  const seqs = [...(client.events.get(id) ?? [])].filter(
    ([seq, { eventId, text }]) => history[seq - 1]?.eventId !== eventId || history[seq - 1]?.text !== text,
  );
  return rangesOf(seqs.map(([seq]) => seq)).map((range) => `${client.name} has other events as ${range} of ${id}, which ends with ${history.length}`);
}

function missedBy(client: CheckClient, id: string, history: History): readonly string[] {
  if (client.deaf) return [];
  const got = client.events.get(id) ?? new Map();
  const first = got.size === 0 ? history.length : Math.min(...got.keys());
  const missed = history.map(({ seq }) => seq).filter((seq) => seq >= first && !got.has(seq) && !client.skipped.get(id)?.has(seq));
  return rangesOf(missed).map((range) => `${client.name} misses ${range} of ${history.length} of ${id}`);
}

function seenByStranger(client: CheckClient, id: string, history: History): readonly string[] {
  const removal = history.find(({ changes }) =>
    (changes as { userId: string; role: number }[]).some(({ userId, role }) => userId === client.user && role === 0),
  );
  const seen = [...(client.events.get(id)?.keys() ?? [])].filter((seq) => seq >= (removal?.seq ?? 0));
  return rangesOf(seen).map((range) => `${client.name}, no member, got ${range} of ${id}`);
}

async function unreadOf(calls: Observed['calls'], user: string, id: string, history: History): Promise<readonly string[]> {
  const { conversations } = await calls.call(user, 'ListConversations', {});
  const own = conversations.find(({ conversation }: { conversation: { id: string } }) => conversation.id === id)?.conversation.own;
  const expected = history.filter(({ kind, sender, seq }) => kind === 'message' && sender !== user && seq > Number(own?.readSeq)).length;
  return own?.unread === Math.min(1_000, expected) ? [] : [`${user} has ${own?.unread} unread of ${id} instead of ${expected}`];
}

/** "3", "5 to 9" */
function rangesOf(seqs: readonly number[]): readonly string[] {
  const ranges: [number, number][] = [];
  for (const seq of [...seqs].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last?.[1] === seq - 1) last[1] = seq;
    else ranges.push([seq, seq]);
  }
  return ranges.map(([from, to]) => (from === to ? String(from) : `${from} to ${to}`));
}
