import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type ChatHarness, caseOf, message, refused, texts, user, wishOf } from './chat-harness.ts';

/** What every adapter of conversations promises. */
export function chatContract(adapter: string, open: () => Promise<ChatHarness>) {
  const contract = caseOf(adapter, open);
  const all = ({ chat }: ChatHarness, userId: string, id: string) => chat.history(userId, id, { afterSeq: 0, most: 1_000 });

  contract('a group is created once for the id of its creator, and its first event has its members', async ({ chat, other }, { owner }) => {
    const wish = wishOf('group', [owner, `dan-${owner}`], { subject: 'order:42' });
    const both = await Promise.all([chat.create(wish), other.create({ ...wish, id: randomUUID() })]);
    assert.equal(both[0]?.conversation.id, both[1]?.conversation.id);
    assert.equal(both.filter(({ event }) => event !== undefined).length, 1);
    const made = both[0]?.conversation;
    assert.deepEqual([made?.kind, made?.subject, made?.title, made?.lastSeq, made?.membersCount], ['group', 'order:42', 'Crew', 1, 2]);
    const [first] = await chat.history(owner, made?.id ?? '', { beforeSeq: undefined, most: 10 });
    assert.deepEqual([first?.seq, first?.kind, first?.changes], [1, 'members', wish.members]);
    await assert.rejects(chat.create({ ...wish, title: 'Other' }), refused('MESSAGE_ID_REUSED'));
  });

  contract(
    'there is one direct conversation of a pair and subject, whoever creates it',
    async ({ chat, other }, { owner: ann, members: [bob = ''] }) => {
      const made = await Promise.all([
        chat.create(wishOf('direct', [ann, bob])),
        other.create(wishOf('direct', [bob, ann])),
        chat.create(wishOf('direct', [ann, bob])),
      ]);
      assert.equal(new Set(made.map(({ conversation }) => conversation.id)).size, 1);
      const about = await chat.create(wishOf('direct', [ann, bob], { subject: 'order:7' }));
      assert.notEqual(about.conversation.id, made[0]?.conversation.id);
      await assert.rejects(
        chat.changeMembers(made[0]?.conversation.id ?? '', user(ann), { eventId: randomUUID(), changes: [{ userId: 'third', role: 'member' }] }),
        refused('CHAT_FORBIDDEN'),
      );
    },
  );

  contract('many who send at once, at two replicas, get one order without a hole, and each its own message', async (on, { id, owner, members }) => {
    const senders = [owner, ...members];
    const sent = Array.from({ length: 60 }, (_, n) => message(senders[n % 3] ?? '', `text ${n}`));
    const appended = await Promise.all(sent.map((entry, n) => (n % 2 === 0 ? on.chat : on.other).append(id, entry)));
    const read = (await all(on, owner, id)).filter(({ kind }) => kind === 'message');
    assert.deepEqual(
      read.map(({ seq, number }) => [seq, number]),
      sent.map((_, n) => [n + 2, n + 1]),
    );
    for (const [n, { seq, number, eventId, sentAtMs, repeated }] of appended.entries()) {
      const found = read.find((event) => event.seq === seq);
      assert.deepEqual([found?.text, found?.sender.id], [`text ${n}`, senders[n % 3]]);
      assert.deepEqual([found?.number, found?.eventId, found?.sentAtMs, repeated], [number, eventId, sentAtMs, false]);
    }
    assert.ok(read.every(({ sentAtMs }, i) => i === 0 || sentAtMs >= (read[i - 1]?.sentAtMs ?? 0)));
  });

  contract(
    'senders in many conversations at two replicas do not wait for each other in a circle, and harm each other by nothing',
    async (on, group) => {
      const { owner } = group;
      const made = await Promise.all(Array.from({ length: 40 }, () => on.chat.create(wishOf('group', [owner]))));
      const ids = made.map(({ conversation }) => conversation.id);
      const append = (n: number, text: string) => {
        // the two replicas go through the conversations in opposite directions
        const id = ids[n % 2 === 0 ? n % ids.length : ids.length - (n % ids.length)] ?? group.id;
        return (n % 2 === 0 ? on.chat : on.other).append(id, message(owner, text));
      };
      const outcomes = await Promise.allSettled(Array.from({ length: 600 }, (_, n) => append(n, n % 50 === 7 ? `\u0000 ${n}` : `${n}`)));
      assert.deepEqual(
        outcomes.map(({ status }) => status),
        outcomes.map((_, n) => (n % 50 === 7 ? 'rejected' : 'fulfilled')),
      );
      const read = await Promise.all([...ids, group.id].map((id) => all(on, owner, id)));
      for (const events of read) {
        assert.deepEqual(
          events.map(({ seq }) => seq),
          events.map((_, i) => i + 1),
        );
      }
      const stored = read.flatMap(texts).map(Number);
      assert.deepEqual(
        stored.sort((a, b) => a - b),
        Array.from({ length: 600 }, (_, n) => n).filter((n) => n % 50 !== 7),
      );
    },
  );

  contract(
    'the same id from the same sender is the same message, whichever replica and however often; no hole is left',
    async (on, { id, owner, members: [bob = ''] }) => {
      const entry = message(owner, 'once');
      const repeats = Array.from({ length: 10 }, (_, n) => (n % 2 === 0 ? on.chat : on.other).append(id, { ...entry, eventId: randomUUID() }));
      const seqs = await Promise.all(repeats);
      assert.equal(new Set(seqs.map(({ seq, eventId }) => `${seq} ${eventId}`)).size, 1);
      assert.equal(seqs.filter(({ repeated }) => !repeated).length, 1);
      await assert.rejects(on.chat.append(id, { ...entry, text: 'another' }), refused('MESSAGE_ID_REUSED'));
      await assert.rejects(on.chat.append(id, { ...entry, replySeq: 1 }), refused('MESSAGE_ID_REUSED'));
      const bobs = await on.chat.append(id, message(bob, 'mine', { clientId: entry.clientId }));
      assert.equal(bobs.seq, 3);
      assert.deepEqual(texts(await all(on, owner, id)), ['once', 'mine']);
    },
  );

  contract('the repeat of a message that is kept no longer is refused for ever, and nothing is sent', async (on, { id, owner }) => {
    const entry = message(owner, 'old');
    const { seq } = await on.chat.append(id, entry);
    await on.forget(id, seq);
    await assert.rejects(on.chat.append(id, entry), refused('MESSAGE_EXPIRED'));
    assert.deepEqual(await all(on, owner, id), []);
    assert.equal((await on.chat.append(id, message(owner, 'new'))).seq, seq + 1);
  });

  contract('an entry that is refused harms none that waits with it', async (on, { id, owner, members: [bob = ''] }) => {
    const outcomes = await Promise.allSettled([
      on.chat.append(id, message(owner, '1')),
      on.chat.append(id, message('stranger', '2')),
      on.chat.append(id, message(bob, '3', { replySeq: 99 })),
      on.chat.append(id, message(bob, '4\u0000')), // no text of PostgreSQL
      on.chat.append(id, message(bob, '5')),
      on.chat.append(id, message(owner, '6')),
    ]);
    assert.deepEqual(
      outcomes.map(({ status }) => status),
      ['fulfilled', 'rejected', 'rejected', 'rejected', 'fulfilled', 'fulfilled'],
    );
    const read = await all(on, owner, id);
    assert.deepEqual(texts(read), ['1', '5', '6']);
    assert.deepEqual(
      read.map(({ seq }) => seq),
      [1, 2, 3, 4],
    );
  });

  contract('an edit and a deletion change what every reader gets, also by their older events', async (on, { id, owner, members: [bob = ''] }) => {
    const { seq } = await on.chat.append(id, message(bob, 'secret', { data: Buffer.from('d') }));
    const edit = message(bob, 'better', { kind: 'edit', targetSeq: seq });
    const edited = await on.chat.append(id, edit);
    assert.equal((await on.chat.append(id, edit)).seq, edited.seq);
    await assert.rejects(on.chat.append(id, message(owner, 'x', { kind: 'edit', targetSeq: seq })), refused('CHAT_FORBIDDEN'));
    const [first, second] = (await all(on, owner, id)).slice(1);
    assert.deepEqual(
      [first?.text, first?.data, first?.editedSeq, second?.kind, second?.text, second?.targetSeq],
      ['better', undefined, 3, 'edit', 'better', seq],
    );
    const remove = { ...message(owner, ''), kind: 'delete', text: undefined, targetSeq: seq } as const;
    assert.equal((await on.chat.append(id, remove)).seq, 4); // an owner may
    const after = (await all(on, bob, id)).slice(1);
    assert.deepEqual(
      after.map(({ kind, text, deletedSeq }) => [kind, text, deletedSeq]),
      [
        ['message', undefined, 4],
        ['edit', undefined, undefined],
        ['delete', undefined, undefined],
      ],
    );
    await assert.rejects(on.chat.append(id, message(bob, 'again', { kind: 'edit', targetSeq: seq })), refused('MESSAGE_UNKNOWN'));
    await assert.rejects(on.chat.append(id, message(bob, 'no', { kind: 'edit', targetSeq: 1 })), refused('MESSAGE_UNKNOWN'));
  });

  contract('a reaction is there once, is taken back once, and what changes nothing is no event', async (on, { id, owner, members: [bob = ''] }) => {
    const { seq } = await on.chat.append(id, message(owner, 'hi'));
    const react = (removed: boolean) =>
      on.chat.append(id, { ...message(bob, ''), kind: 'reaction', text: undefined, targetSeq: seq, reaction: '👍', removed });
    const seqs = [];
    for (const removed of [true, false, false, true, true]) seqs.push((await react(removed)).seq);
    assert.deepEqual(seqs, [0, 3, 0, 4, 0]);
    assert.deepEqual(
      (await all(on, owner, id)).slice(2).map(({ kind, targetSeq, reaction, removed }) => [kind, targetSeq, reaction, removed]),
      [
        ['reaction', 2, '👍', false],
        ['reaction', 2, '👍', true],
      ],
    );
  });

  contract('history goes both ways, page by page, and a gap in the middle is never hidden', async ({ chat }, { id, owner }) => {
    for (let n = 0; n < 6; n++) await chat.append(id, message(owner, `${n}`));
    const seqs = async (page: Parameters<typeof chat.history>[2]) => (await chat.history(owner, id, page)).map(({ seq }) => seq);
    assert.deepEqual(await seqs({ beforeSeq: undefined, most: 3 }), [5, 6, 7]);
    assert.deepEqual(await seqs({ beforeSeq: 5, most: 3 }), [2, 3, 4]);
    assert.deepEqual(await seqs({ beforeSeq: 2, most: 3 }), [1]);
    assert.deepEqual(await seqs({ beforeSeq: 1, most: 3 }), []);
    assert.deepEqual(await seqs({ afterSeq: 0, most: 2 }), [1, 2]);
    assert.deepEqual(await seqs({ afterSeq: 6, most: 3 }), [7]);
    assert.deepEqual(await seqs({ afterSeq: 7, most: 3 }), []);
  });

  contract(
    'what is missing comes in order, one conversation after the other, in pages without a hole',
    async ({ chat }, { id, owner, members: [bob = ''] }) => {
      const { conversation: second } = await chat.create(wishOf('group', [bob, owner]));
      for (let n = 0; n < 4; n++) for (const to of [id, second.id]) await chat.append(to, message(owner, `${n}`));
      const known = new Map([
        [id, 2],
        [second.id, 0],
        [randomUUID(), 0],
      ]);
      const got: string[] = [];
      for (;;) {
        const page = await chat.missing(bob, known, { most: 3, gapMax: 100 });
        if (page.length === 0) break;
        for (const { conversationId, seq } of page) {
          assert.equal(seq, (known.get(conversationId) ?? 0) + 1);
          known.set(conversationId, seq);
          got.push(`${conversationId === id ? 'first' : 'second'} ${seq}`);
        }
      }
      assert.deepEqual(got, ['first 3', 'first 4', 'first 5', 'second 1', 'second 2', 'second 3', 'second 4', 'second 5']);
      const far = await chat.missing(bob, new Map([[id, 0]]), { most: 10, gapMax: 2 });
      assert.deepEqual(
        far.map(({ seq }) => seq),
        [4, 5],
      );
      assert.deepEqual(await chat.missing('stranger', new Map([[id, 0]]), { most: 10, gapMax: 10 }), []);
      assert.deepEqual(await chat.tops([id, randomUUID()], [bob, 'stranger']), { conversations: new Map([[id, 5]]), users: new Map([[bob, 2]]) });
    },
  );
}
