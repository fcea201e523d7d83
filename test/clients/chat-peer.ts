// The other member of a conversation, on src/client, beside the client that a test is about.
import { randomUUID } from 'node:crypto';
import { textContent } from '../../src/client/chat/text-content.ts';
import { openClient } from '../../src/client/client.ts';
import { nodeTransport } from '../../src/client/node-transport.ts';
import { memoryTokenStore } from '../../src/client/session.ts';
import { ChatServiceDefinition, ConversationKind } from '../../src/gen/portico/v1/chat.ts';
import { SignInRequest } from '../../src/gen/portico/v1/session.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { until } from '../support/time/until.ts';
import type { Replicas } from './replicas.ts';

export type ChatPeer = {
  /** A new group with another user, of whom the test has an ID token. @returns its id */
  group(user: string): Promise<string>;
  post(conversationId: string, text: string): void;
  texts(conversationId: string): readonly string[];
  close(): void;
};

/** Signs a user in, and waits until the chat is live. */
export async function openChatPeer({ target, ca, idTokenOf }: Replicas, user: string): Promise<ChatPeer> {
  const open = async (name: string) => {
    const client = openClient({
      transport: nodeTransport({ address: target, ca: Buffer.from(ca) }),
      tokens: memoryTokenStore(),
      clock: systemClock,
      random: Math.random,
    });
    const token = await idTokenOf(name);
    await client.session.signIn(
      SignInRequest.fromPartial({ identity: { $case: 'idToken', value: { token } }, device: { platform: 'ios', name: 'peer' } }),
    );
    return client;
  };
  const client = await open(user);
  client.chat.dispatch({ type: 'start' });
  await until('the peer is live', () => client.chat.state.phase === 'live', 60_000);
  return {
    group: async (name) => {
      const other = await open(name); // the user's id is the identity provider's to give
      const userIds = [await other.session.userId()];
      other.close();
      const request = { kind: ConversationKind.CONVERSATION_KIND_GROUP, userIds, title: 'Parcel', subject: '', clientId: randomUUID() };
      const { conversation } = await client.calls.call(ChatServiceDefinition, 'createConversation', request);
      return conversation?.id ?? '';
    },
    post: (conversationId, text) => {
      const what = { $case: 'message', value: { content: textContent(text), replyToSeq: 0n } } as const;
      client.chat.dispatch({ type: 'post', request: { conversationId, entry: { clientId: randomUUID(), what } } });
    },
    texts: (id) =>
      (client.chat.state.conversations.get(id)?.events ?? []).flatMap(({ what }) =>
        what?.$case === 'message' ? [what.value.content?.text ?? ''] : [],
      ),
    close: client.close,
  };
}
