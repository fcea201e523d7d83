// Who may change whom: every actor with every target and every wish, held against the rules in words.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Role } from '../../src/core/ports/chat.ts';
import { type ChatHarness, caseOf, refused, user, wishOf } from './chat-harness.ts';

const roles = ['owner', 'admin', 'member'] as const;
type Actor = Role | 'former' | 'stranger';
/** `self`: the actor. */
type Target = Actor | 'self';

/** What becomes of a change: its reason, or who has what role then. Undefined: nothing changes. */
function expected(actor: Actor, target: Target, wish: Role | undefined): string | undefined {
  if (actor === 'former' || actor === 'stranger') return 'CONVERSATION_UNKNOWN';
  const held = target === 'self' ? actor : roles.find((role) => role === target);
  if (held === wish) return undefined;
  if (target === 'self' && wish === undefined) return 'changed'; // everyone may leave
  if (actor === 'member' || (actor === 'admin' && (wish === 'owner' || held === 'owner'))) return 'CHAT_FORBIDDEN';
  return 'changed';
}

export function chatRightsContract(adapter: string, open: () => Promise<ChatHarness>): void {
  const contract = caseOf(adapter, open);
  const actors: readonly Actor[] = [...roles, 'former', 'stranger'];
  for (const actor of actors)
    contract(`what ${actor} may change of whom, and what not`, async ({ chat }) => {
      for (const target of ['self', ...actors] as const)
        for (const wish of [undefined, ...roles]) {
          const name = (of: string) => `${of}-${randomUUID()}`;
          const users = { founder: name('founder'), self: name(actor), target: name(target) };
          const roleOf = (one: string) => roles.find((role) => role === one) ?? 'member';
          const others = target === 'self' ? [users.self] : [users.self, users.target];
          const members = [
            { userId: users.founder, role: 'owner' as const },
            ...others.map((userId) => ({ userId, role: roleOf(userId === users.self ? actor : target) })),
          ].filter(({ userId }) => !userId.startsWith('stranger'));
          const { conversation } = await chat.create(wishOf('group', [users.founder], { members }));
          const change = (by: string, userId: string, role: Role | undefined) =>
            chat.changeMembers(conversation.id, user(by), { eventId: randomUUID(), changes: [{ userId, role }] });
          for (const { userId } of members) if (userId.startsWith('former')) await change(users.founder, userId, undefined);
          const read = async () =>
            (await chat.members(users.founder, conversation.id, { most: 9, afterId: '' })).map(({ userId, role }) => [userId, role] as const);
          const before = new Map(await read());
          const subject = users[target === 'self' ? 'self' : 'target'];
          const outcome = expected(actor, target, wish);
          const after = new Map(before);
          if (outcome === 'changed') after.delete(subject);
          if (outcome === 'changed' && wish !== undefined) after.set(subject, wish);
          const done = await change(users.self, subject, wish).then(
            (event) => event && 'changed',
            ({ reason }) => reason as string,
          );
          assert.deepEqual([done, new Map(await read())], [outcome, after], `${actor} wishes ${target} to be ${wish ?? 'out'}`);
        }
    });

  contract('of a group that services made without owners nobody becomes one, whoever comes and goes', async ({ chat }) => {
    const [ann, bob, cy] = ['ann', 'bob', 'cy'].map((name) => `${name}-${randomUUID()}`) as [string, string, string];
    const system = { kind: 'system', id: 'orders' } as const;
    const members = [ann, bob].map((userId) => ({ userId, role: 'member' as const }));
    const { conversation } = await chat.create(wishOf('group', [ann, bob], { createdBy: system, members }));
    const change = (by: typeof system | ReturnType<typeof user>, userId: string, role?: Role) =>
      chat.changeMembers(conversation.id, by, { eventId: randomUUID(), changes: [{ userId, role }] });
    for (const event of [await change(system, cy, 'admin'), await change(user(cy), bob), await change(user(cy), cy)])
      assert.equal(event?.changes?.length, 1);
    await assert.rejects(change(user(ann), bob, 'member'), refused('CHAT_FORBIDDEN'));
    assert.deepEqual(
      (await chat.members(ann, conversation.id, { most: 9, afterId: '' })).map(({ role }) => role),
      ['member'],
    );
  });
}
