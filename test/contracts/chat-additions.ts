import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { ChatEvent, Sender } from '../../src/core/ports/chat.ts';
import { type ChatHarness, caseOf, message, refused, user, wishOf } from './chat-harness.ts';

const system: Sender = { kind: 'system', id: 'orders' };

/** What every adapter of conversations promises of who is brought into them, and by whom. */
export function chatAdditionsContract(adapter: string, open: () => Promise<ChatHarness>) {
  const contract = caseOf(adapter, open);
  const changing =
    ({ chat }: ChatHarness, conversationId: string) =>
    (by: Sender, ...changes: NonNullable<ChatEvent['changes']>) =>
      chat.changeMembers(conversationId, by, { eventId: randomUUID(), changes });

  contract('a user is a member of 4,000 conversations at most, and of another one after leaving one', async (on, { id, members: [, cy = ''] }) => {
    const bob = `bob-${randomUUID()}`;
    const change = changing(on, id);
    const opened = (createdBy: Sender, other: string) => on.chat.create(wishOf('direct', [bob, other], { createdBy }));
    await change(system, { userId: bob, role: 'member' });
    await on.join(bob, 3_999);
    for (const by of [system, user(bob)]) await assert.rejects(opened(by, cy), refused('CONVERSATIONS_TOO_MANY'));
    await change(user(bob), { userId: bob });
    const { conversation } = await opened(user(bob), cy);
    await assert.rejects(change(system, { userId: bob, role: 'member' }), refused('CONVERSATIONS_TOO_MANY'));
    assert.equal((await on.chat.joined(bob)).length, 4_000);
    assert.equal((await on.chat.history(bob, conversation.id, { afterSeq: 0, most: 1 })).length, 1);
  });

  contract('other users fill 3,000 of them: the user opens more, and so do internal services', async (on, { id, owner, members: [, cy = ''] }) => {
    const bob = `bob-${randomUUID()}`;
    await on.join(bob, 3_000);
    const change = changing(on, id);
    await assert.rejects(change(user(owner), { userId: bob, role: 'member' }), refused('CONVERSATIONS_TOO_MANY'));
    for (const kind of ['direct', 'group'] as const)
      await assert.rejects(on.chat.create(wishOf(kind, [owner, bob, ...(kind === 'group' ? [cy] : [])])), refused('CONVERSATIONS_TOO_MANY'));
    assert.deepEqual(await on.chat.joined(`nobody-${bob}`), [], 'what was refused has stored nothing');
    assert.equal((await on.chat.joined(owner)).length, 1);
    assert.ok((await on.chat.create(wishOf('direct', [bob, owner]))).event);
    assert.ok(await change(system, { userId: bob, role: 'member' }));
    assert.equal((await on.chat.joined(bob)).length, 3_002);
  });

  contract('a user of more conversations than may be leaves them and changes in them, but joins none', async (on, { id, owner: ann }) => {
    const bob = `bob-${randomUUID()}`;
    await changing(on, id)(user(ann), { userId: bob, role: 'member' });
    const { conversation: other } = await on.chat.create(wishOf('group', [ann, bob]));
    await on.join(bob, 4_001); // such as under a lower bound than before
    assert.ok(await changing(on, id)(user(ann), { userId: bob, role: 'admin' }));
    assert.ok(await changing(on, id)(user(bob), { userId: bob }));
    assert.ok(await changing(on, other.id)(user(ann), { userId: bob }));
    for (const by of [user(ann), system])
      await assert.rejects(changing(on, other.id)(by, { userId: bob, role: 'member' }), refused('CONVERSATIONS_TOO_MANY'));
  });

  contract(
    'whom a user has blocked opens no conversation with the user, and adds the user to none',
    async (on, { id, owner, members: [bob = ''] }) => {
      const eve = `eve-${randomUUID()}`;
      const { conversation: old } = await on.chat.create(wishOf('direct', [owner, eve]));
      const { conversation: own } = await on.chat.create(wishOf('group', [eve]));
      await on.block(bob, eve);
      await on.block(owner, eve);
      const tries = [
        () => on.chat.create(wishOf('direct', [eve, bob])),
        () => on.chat.create(wishOf('direct', [eve, bob], { subject: 'order:42' })),
        () => on.chat.create(wishOf('group', [eve, 'someone', bob])),
        () => changing(on, own.id)(user(eve), { userId: bob, role: 'member' }),
        () => changing(on, own.id)(user(eve), { userId: `new-${eve}`, role: 'member' }, { userId: bob, role: 'admin' }),
      ];
      for (const tried of tries) await assert.rejects(tried(), refused('MEMBER_REFUSED'));
      assert.deepEqual([(await on.chat.joined(bob)).length, (await on.chat.joined(`new-${eve}`)).length], [1, 0]);

      const again = await on.chat.create(wishOf('direct', [eve, owner]));
      assert.deepEqual([again.conversation.id, again.event], [old.id, undefined], 'what was there before the block stays');
      await assert.rejects(on.chat.create(wishOf('direct', [bob, eve])), refused('MEMBER_REFUSED'), 'who has blocked ends the block first');
      assert.ok(await changing(on, own.id)(system, { userId: bob, role: 'member' }), 'a service may add');
      assert.ok(await changing(on, own.id)(user(eve), { userId: bob, role: 'admin' }), 'a member may be given another role');
      await assert.rejects(changing(on, id)(user(owner), { userId: eve, role: 'member' }), refused('MEMBER_REFUSED'));
      assert.ok(await changing(on, id)(system, { userId: eve, role: 'member' }), 'it is about who adds');
    },
  );

  contract(
    'who has left a group is not brought back by users within a day; who was removed is',
    async (on, { id, owner, members: [bob = '', cy = ''] }) => {
      const change = changing(on, id);
      await on.chat.append(id, message(bob, 'x'));
      await change(user(bob), { userId: bob });
      await change(user(owner), { userId: cy });
      for (const role of ['member', 'owner'] as const) await assert.rejects(change(user(owner), { userId: bob, role }), refused('MEMBER_REFUSED'));
      assert.ok(await change(user(owner), { userId: cy, role: 'member' }));
      await on.later(id, 86_400_000 - 60_000);
      await assert.rejects(change(user(owner), { userId: bob, role: 'member' }), refused('MEMBER_REFUSED'));
      await on.later(id, 120_000);
      assert.ok(await change(user(owner), { userId: bob, role: 'member' }));
      await change(user(bob), { userId: bob });
      assert.ok(await change(system, { userId: bob, role: 'member' }), 'a service may add');
      await change(user(bob), { userId: bob });
      await on.forget(id, Number.MAX_SAFE_INTEGER); // its month was dropped
      assert.ok(await change(user(owner), { userId: bob, role: 'member' }));
    },
  );
}
