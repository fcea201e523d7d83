import type { Typing } from '../../../gen/portico/v1/chat.ts';
import { smallMax } from '../../ports/chat-limits.ts';
import { outcomeOf } from '../../streams/close-advice.ts';
import type { Stream } from '../../streams/stream.ts';
import type { Delivered, DeliverParts, Delivery } from './deliver-chat.ts';
import { encode } from './encode-chat.ts';

/** The shortest interval between two announcements that a user types in one conversation. Milliseconds. */
const typingEveryMs = 3_000;

/** Announces that the user of a stream types, to those who may know of it. */
export function typingOf(
  { signal }: Pick<Stream, 'signal'>,
  userId: string,
  delivery: Pick<Delivery, 'conversation'>,
  { chat, announcements, clock, log }: Pick<DeliverParts, 'chat' | 'announcements' | 'clock' | 'log'>,
): (typing: Typing) => Promise<void> {
  const typedAtMs = new WeakMap<Delivered, number>();
  return async ({ conversationId }) => {
    const joined = delivery.conversation(conversationId);
    if (joined === undefined || joined.membersCount > smallMax) return;
    const nowMs = clock.monotonicMs();
    if (nowMs - (typedAtMs.get(joined) ?? Number.NEGATIVE_INFINITY) < typingEveryMs) return;
    typedAtMs.set(joined, nowMs);
    const { value: notFor } = await outcomeOf(chat.apartFrom(userId, conversationId), (error) =>
      log.error('Typing was not announced by a defect.', { error }),
    );
    if (notFor === undefined || signal.aborted) return; // who may know of it is not known
    const message = encode({ $case: 'typing', value: { conversationId, userId } });
    announcements.announce({ conversationId }, { except: userId, notFor, by: [userId], message });
  };
}
