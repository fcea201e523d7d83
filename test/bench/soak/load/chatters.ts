// Clients with a chat stream, who send to conversations of two and receive what is sent to theirs.
import { setTimeout as sleep } from 'node:timers/promises';
import { conversations, idOf, membersOf, numberOf, userOf, users } from '../../chat/conversations.ts';
import { openStreamClient, type Sender } from '../../chat/senders.ts';
import type { Returning } from './churn.ts';
import { type LoadParts, pick } from './parts.ts';
import { steadily } from './steadily.ts';

const sendsPerSecond = 20;

export type Chatter = Returning & { readonly sender: () => Sender | undefined; readonly user: number };

export function openChatter(i: number, token: string, { port, ca, counts }: LoadParts): Chatter {
  const positions = new Map<string, { readonly conversationId: string; readonly seq: bigint; readonly eventId: string }>();
  let sender: Sender | undefined;
  const close = () => {
    sender?.close();
    sender = undefined;
  };
  return {
    user: i % users,
    sender: () => sender,
    open: async () => {
      sender = await openStreamClient({
        ...{ port, ca, token, positions: [...positions.values()], device: `chatter-${i}` },
        onEvents: ({ conversationId, afterSeq, events }) => {
          const known = positions.get(conversationId)?.seq;
          if (known !== undefined && afterSeq > known) counts.failed('messages', `after ${known} came what follows ${afterSeq}`);
          const last = events.at(-1);
          if (last !== undefined && last.seq > (known ?? 0n)) positions.set(conversationId, { conversationId, seq: last.seq, eventId: last.eventId });
          counts.done('messages received', events.length);
        },
      });
    },
    close,
    cut: close,
  };
}

/** Each message is acknowledged; one whose stream is closed meanwhile is sent by another, as an app would. */
export async function sendSteadily(chatters: readonly Chatter[], parts: LoadParts): Promise<void> {
  await steadily('messages sent', sendsPerSecond * parts.scale, parts, async () => {
    const open = chatters.filter((chatter) => chatter.sender() !== undefined);
    if (open.length === 0) return;
    const { sender, user } = pick(open);
    const own = conversationsOf[user] as readonly string[];
    const one = sender();
    const giveUp = new AbortController();
    const late = sleep(acknowledgedMs, undefined, { signal: giveUp.signal, ref: false }).then(() => {
      if (sender() === one) throw new Error('a message was not acknowledged in time');
    });
    late.catch(() => {}); // aborted once the message is acknowledged
    await Promise.race([one?.send(pick(own)), late]);
    giveUp.abort();
  });
}

const acknowledgedMs = 30_000;

export const chatUser = (i: number) => userOf('stream', i);

/** Those of each user. */
const conversationsOf = Array.from({ length: users }, (_, user) =>
  Array.from({ length: conversations }, (_, i) => i + 1)
    .filter((n) => membersOf(n).includes(user))
    .map((n) => idOf(numberOf('stream', n))),
);
