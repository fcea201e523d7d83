import { readFileSync } from 'node:fs';
import { ChannelCredentials, createChannel, createClient, Metadata } from 'nice-grpc';
import type { Clock } from '../core/kit/clock.ts';
import type { ChatHookServiceImplementation } from '../gen/portico/internal/v1/chat_hook.ts';
import { ConversationServiceDefinition } from '../gen/portico/internal/v1/conversation.ts';
import { type Authorise, userOf } from './authorise-caller.ts';
import { answerTo, courierNameOf } from './couriers-service.ts';
import type { Parcels } from './parcels.ts';
import type { PublisherTarget } from './publish-changes.ts';

/** What a user is about to say in a conversation about an order. */
export type Said = {
  readonly conversationId: string;
  readonly clientId: string;
  readonly orderId: string;
  readonly userId: string;
  readonly text: string;
};

/** A courier takes so long to answer, when the message has long been stored. Milliseconds. */
const answerAfterMs = 1_000;

/** Sees each message before it is stored, and accepts it: the courier of an order learns from it what was said. */
export function chatHook(authorise: Authorise, onSaid: (said: Said) => void): ChatHookServiceImplementation {
  return {
    review: async ({ conversationId, clientId, subject, content, editedSeq }, context) => {
      const userId = await userOf(authorise, context);
      const orderId = /^order:(.+)$/.exec(subject)?.[1];
      if (orderId !== undefined && editedSeq === 0n) onSaid({ conversationId, clientId, orderId, userId, text: content?.text ?? '' });
      return { outcome: { $case: 'accepted', value: {} } };
    },
  };
}

/** Couriers answer the customers of their orders, as bots of their names: once for each message. */
export function answerChats(parcels: Parcels, { address, caFile, token }: PublisherTarget, clock: Clock): { said(said: Said): void; close(): void } {
  const channel = createChannel(address, ChannelCredentials.createSsl(readFileSync(caFile)));
  const client = createClient(ConversationServiceDefinition, channel);
  const metadata = Metadata({ authorization: `Bearer ${token}` });
  const waiting = new Set<() => void>();
  return {
    said: ({ conversationId, clientId, orderId, userId, text }) => {
      const parcel = parcels.get(orderId);
      if (parcel?.userId !== userId) return;
      const cancel = clock.after(answerAfterMs, () => {
        waiting.delete(cancel);
        const content = { text: answerTo(text, Number(orderId)), data: Buffer.of() };
        const answer = { conversationId, clientId: `to ${clientId}`.slice(0, 100), bot: courierNameOf(parcel), content, replyToSeq: 0n };
        client
          .say(answer, { metadata })
          .catch((error: unknown) => console.error(`A courier could not answer: ${error instanceof Error ? error.message : error}`));
      });
      waiting.add(cancel);
    },
    close: () => {
      for (const cancel of waiting) cancel();
      channel.close();
    },
  };
}
