// What a device keeps of the chat: events, its places in conversations or its sync token, and what it was sent of
// others. It follows docs/mobile/chat.md.
import type { ChatMessage } from '../../support/client/chat-client.ts';

export type Kept = { readonly eventId: string; readonly text: string | undefined; readonly clientId: string };
export type SeenReceipt = { readonly conversationId: string; readonly userId: string; readonly readSeq: number };
export type Device = {
  /** By conversation and number. */
  readonly events: ReadonlyMap<string, ReadonlyMap<number, Kept>>;
  readonly receipts: SeenReceipt[];
  readonly broken: readonly string[];
  /** Events that the server has said to be missing, because the device was far behind: by conversation. */
  readonly skipped: ReadonlyMap<string, ReadonlySet<number>>;
  /** The last event of a conversation. */
  last(conversationId: string): number | undefined;
  hello(): Record<string, unknown>;
  take(message: ChatMessage): void;
  /** A former member is not sent what is stored now: what it kept, and what it saw of others, does not count. */
  afterRestore(): void;
};

export type DeviceParts = {
  readonly byToken: boolean;
  readonly mayBeReset: () => boolean;
  readonly isRestored: () => boolean;
  readonly tops: Map<string, number>;
};

/**
 * @param byToken it says hello by token, as soon as it has one
 * @param mayBeReset the server may say that it does not know what the device has, as after the restore of a backup
 * @param tops the largest number of each conversation that any device has seen. Only a restore takes numbers back: a
 *   device that is sent all anew for another reason says nothing of the others
 */
export function openDevice(name: string, { byToken, mayBeReset, isRestored, tops }: DeviceParts): Device {
  const events = new Map<string, Map<number, Kept>>();
  const last = new Map<string, { readonly seq: number; readonly eventId: string }>();
  /** Conversations that had events since the token. */
  const since = new Set<string>();
  const skipped = new Map<string, Set<number>>();
  const receipts: SeenReceipt[] = [];
  const broken: string[] = [];
  let syncToken = '';
  let ownSeq = 0n;
  let newOwnSeq = 0n;
  const forget = (conversationId: string) => {
    if (!mayBeReset()) broken.push(`${name} was reset in ${conversationId}`);
    events.delete(conversationId);
    last.delete(conversationId);
    since.delete(conversationId);
    if (isRestored()) tops.delete(conversationId);
  };
  /** Whoever is more than 1,000 events behind gets the last 1,000: nobody has seen all of them, but some. */
  const skip = (conversationId: string, from: number, to: number) => {
    if (from > to) return;
    const all = skipped.get(conversationId) ?? new Set<number>();
    skipped.set(conversationId, all);
    for (let seq = from; seq <= to; seq++) all.add(seq);
    const top = tops.get(conversationId) ?? 0;
    if (top - to < 100) broken.push(`${name} was sent a gap from ${from} to ${to} of ${conversationId}, of which ${top} was the newest`);
  };
  return {
    afterRestore: () => {
      for (const conversationId of [...events.keys()]) if (!last.has(conversationId)) events.delete(conversationId);
      receipts.length = 0;
    },
    events,
    receipts,
    skipped,
    broken,
    last: (conversationId) => last.get(conversationId)?.seq,
    hello: () => {
      const named = [...last].filter(([id]) => syncToken === '' || since.has(id));
      const positions = named.map(([conversationId, { seq, eventId }]) => ({ conversationId, seq: BigInt(seq), eventId }));
      newOwnSeq = ownSeq;
      return { positions, syncToken, ownSeq, device: name };
    },
    take: (message) => {
      switch (message.$case) {
        case 'events': {
          const { conversationId, afterSeq, events: batch } = message.value;
          const kept = events.get(conversationId) ?? new Map<number, Kept>();
          events.set(conversationId, kept);
          since.add(conversationId);
          const before = last.get(conversationId);
          if (before !== undefined) skip(conversationId, before.seq + 1, Number(afterSeq));
          tops.set(conversationId, Math.max(tops.get(conversationId) ?? 0, Number(afterSeq) + batch.length));
          for (const { seq, eventId, clientId, what } of batch) {
            const text = what?.$case === 'message' ? what.value.content?.text : undefined;
            const known = kept.get(Number(seq));
            if (known !== undefined && known.eventId !== eventId) broken.push(`${name} got two events as ${seq} of ${conversationId}`);
            kept.set(Number(seq), { eventId, text, clientId });
            last.set(conversationId, { seq: Number(seq), eventId });
          }
          return;
        }
        case 'conversation': {
          const { conversation, reset } = message.value;
          if (reset) forget(conversation?.id ?? '');
          const own = conversation?.own?.ownSeq ?? 0n;
          if (own > newOwnSeq) newOwnSeq = own;
          return;
        }
        case 'left':
          last.delete(message.value.conversationId);
          if (mayBeReset()) events.delete(message.value.conversationId);
          return;
        case 'syncReset':
          for (const conversationId of [...events.keys()]) forget(conversationId);
          syncToken = '';
          ownSeq = 0n;
          newOwnSeq = 0n;
          return;
        case 'caughtUp':
          if (!byToken || message.value.syncToken === '') return;
          syncToken = message.value.syncToken;
          ownSeq = newOwnSeq;
          since.clear();
          return;
        case 'receipt': {
          const { conversationId, userId, readSeq } = message.value;
          receipts.push({ conversationId, userId, readSeq: Number(readSeq) });
        }
      }
    },
  };
}
