import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { ChatEvent } from '../../src/core/ports/chat.ts';
import { type ChatHarness, caseOf, message, refused, texts, user, wishOf } from './chat-harness.ts';

/** What every adapter of conversations promises of members, receipts, and what only one user sees. */
export function chatMembersContract(adapter: string, open: () => Promise<ChatHarness>) {
  const contract = caseOf(adapter, open);

  contract(
    'unread counts messages of others that are neither read, deleted nor hidden; two devices see the same',
    async ({ chat, other }, { id, owner: ann, members: [bob = '', cy = ''] }) => {
      const sent = [];
      for (const from of [ann, ann, bob, cy, ann]) sent.push(await chat.append(id, message(from, 'x')));
      await chat.append(id, { ...message(cy, ''), kind: 'reaction', text: undefined, targetSeq: 2, reaction: '!' });
      const unread = async (who: string, by = chat) => (await by.joined(who)).map(({ unread }) => unread);
      assert.deepEqual([await unread(ann), await unread(bob), await unread(cy)], [[2], [4], [4]]);
      await chat.append(id, { ...message(ann, ''), kind: 'delete', text: undefined, targetSeq: sent[0]?.seq });
      await chat.change(bob, id, { hiddenSeq: sent[1]?.seq ?? 0 });
      assert.deepEqual(await unread(bob), [2]);
      const { membership } = await chat.receive({ conversationId: id, userId: bob, device: 'phone', deliveredSeq: 0, readSeq: sent[3]?.seq ?? 0 });
      assert.equal(membership.unread, 1);
      assert.deepEqual(await unread(bob, other), [1]);
      assert.deepEqual(await unread(cy), [3]);
    },
  );

  contract(
    'receipts rise and never go back, read implies delivered, and none is beyond the end',
    async ({ chat, other }, { id, owner: ann, members: [bob = ''] }) => {
      for (let n = 0; n < 5; n++) await chat.append(id, message(ann, 'x'));
      const receive = async (deliveredSeq: number, readSeq: number, by = chat) => {
        const { receipt } = await by.receive({ conversationId: id, userId: bob, device: 'phone', deliveredSeq, readSeq });
        return [receipt.deliveredSeq, receipt.readSeq];
      };
      assert.deepEqual(await receive(3, 0), [3, 0]);
      assert.deepEqual(await receive(2, 4), [4, 4]);
      assert.deepEqual(await receive(1, 1), [4, 4]);
      assert.deepEqual(await receive(999, 999), [6, 6]);
      await Promise.all(Array.from({ length: 10 }, (_, n) => receive(n, n % 6, n % 2 === 0 ? chat : other)));
      const found = (await chat.members(ann, id, { most: 10, afterId: '' })).find(({ userId }) => userId === bob);
      assert.deepEqual([found?.deliveredSeq, found?.readSeq, found?.role], [6, 6, 'member']);
      await assert.rejects(
        chat.receive({ conversationId: id, userId: 'stranger', device: undefined, deliveredSeq: 1, readSeq: 1 }),
        refused('CONVERSATION_UNKNOWN'),
      );
    },
  );

  contract('each of two users leaves their direct conversation, and opening it again brings back who has left', async ({ chat, other, later }) => {
    const [ann, bob] = [randomUUID(), randomUUID()];
    const open = (by: string, to: string) => chat.create(wishOf('direct', [by, to]));
    const leave = (who: string) => chat.changeMembers(id, user(who), { eventId: randomUUID(), changes: [{ userId: who, role: undefined }] });
    const isMember = async (who: string) => (await other.joined(who)).some(({ conversation }) => conversation.id === id);
    const { id } = (await open(ann, bob)).conversation;
    await chat.append(id, message(ann, 'before'));
    for (const changes of [
      [{ userId: bob, role: undefined }],
      [{ userId: bob, role: 'admin' as const }],
      [{ userId: 'cy', role: 'member' as const }],
      [
        { userId: ann, role: undefined },
        { userId: 'cy', role: 'member' as const },
      ],
    ])
      await assert.rejects(chat.changeMembers(id, user(ann), { eventId: randomUUID(), changes }), refused('CHAT_FORBIDDEN'));

    const left = await leave(bob);
    assert.deepEqual(left?.changes, [{ userId: bob, role: undefined }], 'nobody becomes its owner');
    assert.deepEqual([await isMember(ann), await isMember(bob)], [true, false]);
    await assert.rejects(chat.append(id, message(bob, 'x')), refused('CONVERSATION_UNKNOWN'));
    await assert.rejects(open(ann, bob), refused('MEMBER_REFUSED'), 'not by the other one within a day');
    await later(id, 25 * 3_600_000);
    const { conversation, event } = await open(ann, bob);
    assert.deepEqual([conversation.id, conversation.membersCount, event?.seq], [id, 2, 4]);
    assert.deepEqual(event?.changes, [{ userId: bob, role: 'member' }]);
    await chat.append(id, message(ann, 'after'));
    assert.deepEqual(texts((await chat.historyPage(bob, id, { most: 10, token: '', fromSeq: 0 })).events), ['after']);

    await leave(ann);
    const again = await open(ann, bob);
    assert.deepEqual(again.event?.changes, [{ userId: ann, role: 'member' }], 'whoever has left may come back at any time');
    assert.equal((await open(bob, ann)).event, undefined, 'both are there');
    await Promise.all([leave(ann), leave(bob)]);
    assert.deepEqual([await isMember(ann), await isMember(bob)], [false, false]);
    await chat.create(wishOf('direct', [ann, bob], { createdBy: { kind: 'system', id: 'orders' } }));
    assert.deepEqual([await isMember(ann), await isMember(bob)], [true, true]);
  });

  contract('positions of twenty devices are kept: a client makes up the names', async ({ chat, devices }, { id, owner, members: [bob = ''] }) => {
    for (let n = 0; n < 5; n++) await chat.append(id, message(owner, 'x'));
    const receive = (device: string, deliveredSeq: number) => chat.receive({ conversationId: id, userId: bob, device, deliveredSeq, readSeq: 0 });
    await receive('phone', 6);
    for (let n = 0; n < 60; n++) await receive(`made up ${n}`, 1 + (n % 5));
    const kept = await devices(bob);
    assert.equal(kept.length, 20);
    assert.ok(kept.includes('phone'), 'who is furthest is kept');
  });

  contract(
    'what only a user sees has an order of its own, without a hole: read, mute, deleted for oneself',
    async ({ chat }, { id, owner: ann, members: [bob = ''] }) => {
      const { seq } = await chat.append(id, message(ann, 'private'));
      const steps = [
        await chat.change(bob, id, { mutedUntilMs: 1_900_000_000_000 }),
        (await chat.receive({ conversationId: id, userId: bob, device: undefined, deliveredSeq: 0, readSeq: 1 })).membership,
        await chat.change(bob, id, { hiddenSeq: seq }),
        (await chat.receive({ conversationId: id, userId: bob, device: undefined, deliveredSeq: seq, readSeq: 1 })).membership, // others see it, too
        await chat.change(bob, id, { mutedUntilMs: undefined }),
      ];
      assert.deepEqual(
        steps.map(({ ownSeq, readSeq, mutedUntilMs }) => [ownSeq, readSeq, mutedUntilMs]),
        [
          [2, 0, 1_900_000_000_000], // the first is the beginning of the membership
          [3, 1, 1_900_000_000_000],
          [4, 1, 1_900_000_000_000],
          [4, 1, 1_900_000_000_000],
          [5, 1, undefined],
        ],
      );
      const of = async (who: string) => (await chat.history(who, id, { afterSeq: 1, most: 10 })).map(({ seq, kind, text }) => [seq, kind, text]);
      assert.deepEqual([await of(bob), await of(ann)], [[[seq, 'hidden', undefined]], [[seq, 'message', 'private']]]);
      assert.deepEqual(
        [steps.map(({ hiddenSeqs }) => hiddenSeqs), (await chat.joined(bob, { hiddenAfter: 3 }))[0]?.hiddenSeqs],
        [[[], [], [seq], [], []], [seq]],
      );
      await assert.rejects(chat.change(bob, id, { hiddenSeq: 99 }), refused('MESSAGE_UNKNOWN'));
      await assert.rejects(chat.change(bob, id, { hiddenSeq: 1 }), refused('MESSAGE_UNKNOWN'));
    },
  );

  contract(
    'the list has the newest message and the unread count of each, the newest event first, page by page',
    async ({ chat }, { id, owner: ann, members: [bob = ''] }) => {
      const made = [id];
      for (let n = 0; n < 4; n++) made.push((await chat.create(wishOf('group', [ann, bob], { title: `${n}` }))).conversation.id);
      for (const to of made) await chat.append(to, message(ann, `in ${made.indexOf(to)}`));
      await chat.append(made[2] ?? '', message(bob, 'last'));
      const whole = await chat.list(bob, { most: 10, before: undefined });
      assert.deepEqual(whole.map(({ lastMessage, unread }) => [lastMessage?.text, unread]).sort(), [
        ['in 0', 1],
        ['in 1', 1],
        ['in 3', 1],
        ['in 4', 1],
        ['last', 1],
      ]);
      assert.ok(whole.every(({ lastAtMs }, i) => i === 0 || lastAtMs <= (whole[i - 1]?.lastAtMs ?? 0)));
      const paged: string[] = [];
      for (let before: { lastAtMs: number; id: string } | undefined; ; ) {
        const page = await chat.list(bob, { most: 2, before });
        const last = page.at(-1);
        if (last === undefined) break;
        paged.push(...page.map(({ conversation }) => conversation.id));
        before = { lastAtMs: last.lastAtMs, id: last.conversation.id };
      }
      assert.deepEqual(
        paged,
        whole.map(({ conversation }) => conversation.id),
      );
      assert.deepEqual(await chat.list('stranger', { most: 10, before: undefined }), []);
    },
  );

  contract(
    'only members read and write: a stranger and a former member are refused alike',
    async ({ chat }, { id, owner: ann, members: [bob = '', cy = ''] }) => {
      const { seq } = await chat.append(id, message(ann, 'x'));
      const left = await chat.changeMembers(id, user(ann), { eventId: randomUUID(), changes: [{ userId: bob }] });
      assert.deepEqual([left?.seq, left?.changes], [3, [{ userId: bob }]]);
      for (const who of [bob, 'stranger']) {
        const tries = [
          () => chat.append(id, message(who, 'x')),
          () => chat.append(id, { ...message(who, ''), kind: 'reaction', targetSeq: seq, reaction: '!' }),
          () => chat.history(who, id, { beforeSeq: undefined, most: 1 }),
          () => chat.members(who, id, { most: 1, afterId: '' }),
          () => chat.receive({ conversationId: id, userId: who, device: undefined, deliveredSeq: 1, readSeq: 1 }),
          () => chat.change(who, id, { hiddenSeq: seq }),
          () => chat.changeMembers(id, user(who), { eventId: randomUUID(), changes: [{ userId: who, role: 'member' }] }),
        ];
        for (const tried of tries) await assert.rejects(tried, refused('CONVERSATION_UNKNOWN'));
        assert.deepEqual(await chat.joined(who), []);
      }
      assert.deepEqual((await chat.members(ann, id, { most: 10, afterId: '' })).map(({ userId }) => userId).sort(), [ann, cy].sort());
    },
  );

  contract('whoever comes, or comes back, sees what comes after', async ({ chat }, { id, owner: ann, members: [bob = ''] }) => {
    await chat.append(id, message(ann, 'before'));
    const change = (...changes: NonNullable<ChatEvent['changes']>) => chat.changeMembers(id, user(ann), { eventId: randomUUID(), changes });
    const dan = `dan-${ann}`;
    await change({ userId: dan, role: 'member' }, { userId: bob });
    await chat.append(id, message(ann, 'between'));
    await change({ userId: bob, role: 'member' });
    await chat.append(id, message(ann, 'after'));
    const of = async (who: string) => texts(await chat.history(who, id, { afterSeq: 0, most: 10 }));
    assert.deepEqual([await of(dan), await of(bob)], [['between', 'after'], ['after']]);
    assert.deepEqual(
      (await chat.joined(bob)).map(({ unread, afterSeq }) => [unread, afterSeq]),
      [[1, 4]],
    );
    await assert.rejects(chat.change(bob, id, { hiddenSeq: 2 }), refused('MESSAGE_UNKNOWN'));
    await assert.rejects(chat.append(id, message(bob, 'x', { replySeq: 2 })), refused('MESSAGE_UNKNOWN'));
    assert.equal(await change({ userId: bob, role: 'member' }), undefined);
  });

  contract(
    'members change by roles: a member may only leave, an admin touches no owner, the last owner has an heir',
    async ({ chat }, { id, owner: ann, members: [bob = '', cy = ''] }) => {
      const by = (who: string, userId: string, role?: 'owner' | 'admin' | 'member') =>
        chat.changeMembers(id, user(who), { eventId: randomUUID(), changes: [{ userId, role }] });
      for (const tried of [() => by(bob, cy), () => by(bob, 'new', 'member'), () => by(bob, bob, 'owner')])
        await assert.rejects(tried, refused('CHAT_FORBIDDEN'));
      await by(ann, bob, 'admin');
      for (const tried of [() => by(bob, ann), () => by(bob, cy, 'owner'), () => by(bob, ann, 'member')])
        await assert.rejects(tried, refused('CHAT_FORBIDDEN'));
      await by(bob, `new-${ann}`, 'member');
      const left = await by(ann, ann);
      assert.deepEqual([left?.changes?.[0]?.userId, left?.changes?.[0]?.role], [ann, undefined]);
      assert.equal(left?.changes?.[1]?.role, 'owner');
      assert.ok([bob, cy].includes(left?.changes?.[1]?.userId ?? ''));
      const system = await chat.changeMembers(id, { kind: 'system', id: 'orders' }, { eventId: randomUUID(), changes: [{ userId: cy }] });
      assert.ok(system !== undefined);
    },
  );

  contract(
    'a member who is removed while sending at both replicas has nothing after the removal',
    async ({ chat, other }, { id, owner: ann, members: [bob = ''] }) => {
      const sends = Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? chat : other).append(id, message(bob, `${n}`)));
      const [removal, ...outcomes] = await Promise.allSettled([
        other.changeMembers(id, user(ann), { eventId: randomUUID(), changes: [{ userId: bob }] }),
        ...sends,
      ]);
      const removedAt = removal.status === 'fulfilled' ? (removal.value as ChatEvent).seq : 0;
      for (const outcome of outcomes)
        if (outcome.status === 'fulfilled') assert.ok((outcome.value as { seq: number }).seq < removedAt);
        else assert.equal((outcome.reason as { reason: string }).reason, 'CONVERSATION_UNKNOWN');
      const read = await chat.history(ann, id, { afterSeq: 0, most: 100 });
      assert.deepEqual(
        read.map(({ seq }) => seq),
        read.map((_, i) => i + 1),
      );
      assert.equal(read.at(-1)?.seq, removedAt);
    },
  );

  contract('bots and the system speak without being members, each under ids of its own', async ({ chat }, { id, owner }) => {
    const entry = message('x', 'parcel is on its way');
    for (const sender of [
      { kind: 'bot', id: 'courier' },
      { kind: 'system', id: 'courier' },
    ] as const)
      await chat.append(id, { ...entry, sender });
    await chat.append(id, { ...entry, sender: { kind: 'bot', id: 'courier' } });
    const read = await chat.history(owner, id, { afterSeq: 1, most: 10 });
    assert.deepEqual(
      read.map(({ sender, text }) => [sender.kind, sender.id, text]),
      [
        ['bot', 'courier', 'parcel is on its way'],
        ['system', 'courier', 'parcel is on its way'],
      ],
    );
    assert.equal((await chat.joined(owner))[0]?.unread, 2);
  });

  contract('of whom a user has blocked, only the places of words are left, in every list, and in no count', async (on, { id, owner, members }) => {
    const { chat } = on;
    const [bob = '', cy = ''] = members;
    const { seq } = await chat.append(id, message(bob, 'secret'));
    await chat.append(id, message(bob, 'edited secret', { kind: 'edit', targetSeq: seq }));
    const { seq: own } = await chat.append(id, message(owner, 'mine'));
    await chat.append(id, { kind: 'reaction', sender: user(bob), clientId: randomUUID(), eventId: randomUUID(), targetSeq: own, reaction: '+1' });
    await chat.append(id, { kind: 'delete', sender: user(bob), clientId: randomUUID(), eventId: randomUUID(), targetSeq: seq });
    await chat.append(id, message(cy, 'seen'));
    await chat.append(id, { ...message(bob, 'of a bot'), sender: { kind: 'bot', id: bob } });
    await chat.append(id, message(bob, 'last secret'));
    await on.block(owner, bob);
    assert.deepEqual([...(await chat.blocked(owner))], [bob]);
    assert.deepEqual([...(await chat.blocked(bob))], []);
    const kinds = ['members', 'hidden', 'hidden', 'message', 'hidden', 'hidden', 'message', 'message', 'hidden'];
    const seen = [
      await chat.history(owner, id, { afterSeq: 0, most: 100 }),
      await chat.history(owner, id, { beforeSeq: undefined, most: 100 }),
      await chat.missing(owner, new Map([[id, 0]]), { most: 100, gapMax: 100 }),
    ];
    for (const events of seen) {
      assert.deepEqual(
        events.map((event) => [event.seq, event.kind]),
        kinds.map((kind, i) => [i + 1, kind]),
      );
      assert.ok(!JSON.stringify(events).includes('secret'));
    }
    const [listed] = await chat.list(owner, { most: 10, before: undefined });
    assert.deepEqual([listed?.lastMessage?.kind, listed?.unread], ['hidden', 2]);
    assert.equal((await chat.joined(owner))[0]?.unread, 2);
    const [others] = await chat.list(cy, { most: 10, before: undefined });
    assert.equal(others?.lastMessage?.text, 'last secret');
  });
}
