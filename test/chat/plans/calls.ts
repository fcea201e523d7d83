// Each method of the adapter, as the server calls it: which statements it sends is the adapter's own matter.
import { randomUUID } from 'node:crypto';
import type { ChatStore, NewEntry, SyncPoint } from '../../../src/core/ports/chat.ts';
import { user } from '../../contracts/chat-harness.ts';
import type { Filled } from './fill.ts';

export type PlannedCall = {
  /** As docs/reference/chat.md names it. */
  readonly name: string;
  readonly run: (chat: ChatStore) => Promise<unknown>;
};

const page = 100;
/** As many as a client may know. */
const many = 4_000;

/** @param conversations that were made @param point a moment since when half of all events came */
export function plannedCalls({ large, busyUser, writer, conversation }: Filled, conversations: number, point: SyncPoint): readonly PlannedCall[] {
  const own = Array.from({ length: Math.min(many, conversations * 0.4) }, (_, i) => conversation(i + 1));
  const entry = (more: Partial<NewEntry>): NewEntry => ({
    kind: 'message',
    sender: user(writer),
    clientId: randomUUID(),
    eventId: randomUUID(),
    ...more,
  });
  const present = Array.from({ length: 100 }, (_, i) => `u${i + 1}`);
  const repeated = entry({ text: 'sent twice' });
  const call = (name: string, run: PlannedCall['run']) => ({ name, run });
  const of = (name: string, userId: string, calls: (chat: ChatStore, userId: string) => Promise<unknown>) =>
    call(name, (chat) => calls(chat, userId));
  const newcomer = `new-${randomUUID()}`;
  return [
    of('history, the end', busyUser, (chat, userId) => chat.history(userId, large, { beforeSeq: undefined, most: page })),
    of('history, older', busyUser, (chat, userId) => chat.history(userId, large, { beforeSeq: 2_000, most: page })),
    of('history, newer', busyUser, (chat, userId) => chat.history(userId, large, { afterSeq: 2_000, most: page })),
    of('search', busyUser, (chat, userId) => chat.search(userId, large, { language: 'simple', query: 'nowhere', most: 50, beforeSeq: undefined })),
    of('list', busyUser, (chat, userId) => chat.list(userId, { most: page, before: undefined })),
    of('list, a later page', busyUser, (chat, userId) =>
      chat.list(userId, { most: page, before: { lastAtMs: Date.now() - 3_600_000, id: conversation(90) } }),
    ),
    of('joined, all', busyUser, (chat, userId) => chat.joined(userId)),
    of('joined, all, with what was hidden', busyUser, (chat, userId) => chat.joined(userId, { hiddenAfter: 10 })),
    of('joined, one', busyUser, (chat, userId) => chat.joined(userId, { ids: [large] })),
    of('joined, one, of who has written all that is unread', writer, (chat, userId) => chat.joined(userId, { ids: [large] })),
    of('sync, the moment', busyUser, (chat, userId) => chat.syncPoint(userId)),
    of('sync, by token', busyUser, (chat, userId) => chat.since(userId, point, { gapMax: 1_000 })),
    of('sync, all conversations', busyUser, (chat, userId) => chat.places(userId)),
    of('sync, own changes', busyUser, (chat, userId) =>
      chat.ownChanges(userId, { after: 0, most: 50, endedSince: undefined, hiddenSince: { xid: 0n } }),
    ),
    of('sync, own changes since a moment', busyUser, (chat, userId) =>
      chat.ownChanges(userId, { after: 10, most: 50, endedSince: point.xid, hiddenSince: { ownSeq: 10 } }),
    ),
    call('sync, positions of another database', (chat) => chat.foreign(new Map(own.map((id) => [id, { seq: 2, eventId: randomUUID() }])))),
    of('sync, a page by seq', busyUser, (chat, userId) => chat.missing(userId, new Map(own.map((id) => [id, 2])), { most: page, gapMax: 1_000 })),
    of('sync, a page by seq of the large group', busyUser, (chat, userId) =>
      chat.missing(userId, new Map([[large, 1]]), { most: page, gapMax: 1_000 }),
    ),
    of('members', writer, (chat, userId) => chat.members(userId, large, { most: page, afterId: '' })),
    of('members, a later page', writer, (chat, userId) => chat.members(userId, large, { most: page, afterId: 'u5' })),
    of('newest events', busyUser, (chat, userId) => chat.tops(own.slice(0, page), [userId, writer])),
    of('blocked', busyUser, (chat, userId) => chat.blocked(userId)),
    of('blocked members', busyUser, (chat, userId) => chat.apartFrom(userId, conversation(3))),
    call('blocks of who is present', (chat) => chat.blocksBetween(present, present)),
    of('receipt', busyUser, (chat, userId) => chat.receive({ conversationId: large, userId, device: randomUUID(), deliveredSeq: 500, readSeq: 400 })),
    of('mute', busyUser, (chat, userId) => chat.change(userId, large, { mutedUntilMs: Date.now() })),
    of('hide', busyUser, (chat, userId) => chat.change(userId, large, { hiddenSeq: 304 })),
    call('send', (chat) => chat.append(large, entry({ text: 'hello', replySeq: 304 }))),
    call('send, of many at once', (chat) =>
      Promise.all(own.slice(0, 20).map((id) => chat.append(id, entry({ sender: user(busyUser), text: 'hello' })))),
    ),
    call('send, repeated', async (chat) => {
      await chat.append(large, repeated);
      await chat.append(large, repeated);
    }),
    call('edit', (chat) => chat.append(large, entry({ kind: 'edit', targetSeq: 304, text: 'better' }))),
    call('react', async (chat) => {
      await chat.append(large, entry({ kind: 'reaction', targetSeq: 304, reaction: '+1' }));
      await chat.append(large, entry({ kind: 'reaction', targetSeq: 304, reaction: '+1', removed: true }));
    }),
    call('delete', (chat) => chat.append(large, entry({ kind: 'delete', targetSeq: 304 }))),
    call('members change', async (chat) => {
      await chat.changeMembers(large, user(writer), { eventId: randomUUID(), changes: [{ userId: newcomer, role: 'member' }] });
      await chat.changeMembers(large, user(writer), { eventId: randomUUID(), changes: [{ userId: newcomer }] });
    }),
    call('the last owner leaves', (chat) => chat.changeMembers(large, user(writer), { eventId: randomUUID(), changes: [{ userId: writer }] })),
    call('create', async (chat) => {
      const members = [writer, newcomer].map((userId) => ({ userId, role: 'member' as const }));
      const wish = { kind: 'direct', subject: '', title: '', createdBy: user(writer), members } as const;
      await chat.create({ ...wish, id: randomUUID(), clientId: randomUUID() });
      await chat.create({ ...wish, id: randomUUID(), clientId: randomUUID() });
    }),
  ];
}
