import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import type { ChatEvent, ChatStore, NewConversation, NewEntry, Sender } from '../../src/core/ports/chat.ts';

/** An adapter under test, and what it stands on. */
export type ChatHarness = AsyncDisposable & {
  readonly chat: ChatStore;
  /** The same database by other connections: another replica. */
  readonly other: ChatStore;
  /** Removes the events of a conversation up to one, as dropping old partitions does. */
  forget(conversationId: string, upToSeq: number): Promise<void>;
  /** Makes a user a member of so many conversations more. */
  join(userId: string, count: number): Promise<void>;
  /** Lets a user block another one. */
  block(userId: string, blockedId: string): Promise<void>;
  /** Lets so much time pass for what was stored in a conversation. */
  later(conversationId: string, ms: number): Promise<void>;
  /** The devices of a user whose positions are kept. */
  devices(userId: string): Promise<readonly string[]>;
};

export type Group = { readonly id: string; readonly owner: string; readonly members: readonly string[] };
export const user = (id: string): Sender => ({ kind: 'user', id });
export const refused = (reason: string) => ({ name: 'Fault', reason });

export function wishOf(kind: 'direct' | 'group', members: readonly string[], more: Partial<NewConversation> = {}): NewConversation {
  const [creator = ''] = members;
  return {
    id: randomUUID(),
    kind,
    subject: '',
    title: kind === 'group' ? 'Crew' : '',
    createdBy: user(creator),
    clientId: randomUUID(),
    members: members.map((userId, i) => ({ userId, role: i === 0 ? 'owner' : 'member' })),
    ...more,
  };
}

export function message(sender: string, text: string, more: Partial<NewEntry> = {}): NewEntry {
  return { kind: 'message', sender: user(sender), clientId: randomUUID(), eventId: randomUUID(), text, ...more };
}

/** Runs each case with a group of three, whose names are new. */
export function caseOf(adapter: string, open: () => Promise<ChatHarness>) {
  return (name: string, body: (on: ChatHarness, group: Group) => Promise<void>) =>
    test(`${adapter}: ${name}`, async () => {
      await using on = await open();
      const [owner, ...members] = ['ann', 'bob', 'cy'].map((name) => `${name}-${randomUUID()}`) as [string, string, string];
      const { conversation } = await on.chat.create(wishOf('group', [owner, ...members]));
      await body(on, { id: conversation.id, owner, members });
    });
}

export const texts = (events: readonly ChatEvent[]) => events.filter(({ kind }) => kind === 'message').map(({ text }) => text);
