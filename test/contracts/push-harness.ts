import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { ChatStore } from '../../src/core/ports/chat.ts';
import type { Push, PushQueue } from '../../src/core/ports/push-queue.ts';
import type { PushProvider, PushToken, PushTokens } from '../../src/core/ports/push-tokens.ts';
import type { Sessions } from '../../src/core/ports/sessions.ts';
import { newSession } from '../support/token/new-session.ts';
import { message, wishOf } from './chat-harness.ts';

/** Adapters under test on one database: messages are due to be pushed at once. */
export type PushHarness = AsyncDisposable & {
  readonly chat: ChatStore;
  readonly sessions: Sessions;
  readonly tokens: PushTokens;
  readonly queue: PushQueue;
  /** Lets a user block another one. */
  block(userId: string, blockedId: string): Promise<void>;
  /** Lets the leases, or all that is to be tried later, be over. */
  elapse(): Promise<void>;
};

/** A signed-in device of a user. */
export type Device = { readonly sessionId: string; readonly userId: string; readonly token: PushToken };

export const tokenOf = (provider: PushProvider, more: Partial<PushToken> = {}): PushToken => ({
  provider,
  token: randomUUID().replaceAll('-', '').repeat(2),
  topic: provider === 'apns' ? 'com.example.app' : '',
  sandbox: false,
  quietHours: undefined,
  ...more,
});

export const nameOf = (name: string) => `${name}-${randomUUID()}`;

/** What tests of pushes do with the adapters. */
export function pushActs({ chat, sessions, tokens, queue }: Omit<PushHarness, typeof Symbol.asyncDispose>) {
  const signIn = async (userId: string): Promise<string> => {
    const session = newSession(userId, Date.now());
    await sessions.create(session);
    return session.id;
  };
  return {
    signIn,
    /** Signs a user in, with a token. */
    device: async (userId: string, token: PushToken = tokenOf('fcm')): Promise<Device> => {
      const sessionId = await signIn(userId);
      await tokens.register({ sessionId, userId }, sessionId, token);
      return { sessionId, userId, token };
    },
    group: async (...members: readonly string[]) => (await chat.create(wishOf('group', members))).conversation.id,
    say: async (from: string, conversationId: string, text = 'hi') => (await chat.append(conversationId, message(from, text))).seq,
    /** Expands and leases all that is due. */
    due: async (provider: PushProvider = 'fcm'): Promise<readonly Push[]> => {
      while ((await queue.expand(100)).messages > 0);
      const found: Push[] = [];
      for (;;) {
        const { pushes, unwanted } = await queue.lease(provider, 100, 60_000);
        found.push(...pushes);
        if (pushes.length + unwanted === 0) return found;
      }
    },
    receive: (device: Device, conversationId: string, deliveredSeq: number, readSeq = 0) =>
      chat.receive({ conversationId, userId: device.userId, device: device.sessionId, deliveredSeq, readSeq }),
  };
}

export type PushCase = { readonly on: PushHarness; readonly act: ReturnType<typeof pushActs> };

export function pushCaseOf(adapter: string, open: () => Promise<PushHarness>) {
  return (name: string, body: (it: PushCase) => Promise<void>) =>
    test(`${adapter}: ${name}`, async () => {
      await using on = await open();
      await body({ on, act: pushActs(on) });
    });
}
