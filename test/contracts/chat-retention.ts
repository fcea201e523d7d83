import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { expireEvents } from '../../src/core/adapters/sql/chat/expire-events.ts';
import type { UseDatabase } from '../../src/core/adapters/sql/database-access.ts';
import { type ChatHarness, caseOf, message, refused, texts, user } from './chat-harness.ts';

const day = 86_400_000;

/** What is old goes, and what is left is as it was: by the store, for each kind of database. */
export function chatRetentionContract(adapter: string, open: () => Promise<ChatHarness & { readonly use: UseDatabase }>) {
  const contract = caseOf(adapter, open as () => Promise<ChatHarness>);
  const expire = (on: ChatHarness, ageMs = day) =>
    expireEvents(
      (on as ChatHarness & { readonly use: UseDatabase }).use,
      { group: ageMs },
      { holder: 'b7a1c9de-0000-4000-8000-000000000000', isStopped: () => false },
    );

  contract('what is older is deleted, and history, what is missing and unread counts say so', async (on, { id, owner, members: [bob = ''] }) => {
    const old = message(owner, 'old 1');
    await on.chat.append(id, old);
    const { seq: oldSeq } = await on.chat.append(id, message(owner, 'old 2'));
    await on.later(id, 3 * day);
    const { seq } = await on.chat.append(id, message(owner, 'new'));
    await on.chat.append(id, { ...message(bob, ''), kind: 'reaction', targetSeq: seq, reaction: '+1', text: undefined });
    assert.equal((await on.chat.joined(bob, { ids: [id] }))[0]?.unread, 3);
    await expire(on);
    assert.deepEqual(texts(await on.chat.history(bob, id, { beforeSeq: undefined, most: 10 })), ['new']);
    const { events, olderToken } = await on.chat.historyPage(bob, id, { most: 10, token: '', fromSeq: 0 });
    assert.deepEqual([events.map((event) => event.seq), olderToken], [[seq, seq + 1], ''], 'dense, and nothing older');
    assert.equal(await on.chat.expiredSeq(id), oldSeq);
    const [membership] = await on.chat.joined(bob, { ids: [id] });
    assert.deepEqual([membership?.unread, membership?.conversation.expiredSeq, membership?.conversation.lastSeq], [1, oldSeq, seq + 1]);
    const missing = await on.chat.missing(bob, new Map([[id, 1]]), { most: 10, gapMax: 1_000 });
    assert.deepEqual(
      missing.map((event) => event.seq),
      [seq, seq + 1],
    );
    await assert.rejects(on.chat.append(id, old), refused('MESSAGE_EXPIRED'));
    for (const kind of ['edit', 'delete', 'reaction'] as const) {
      const entry = { ...message(owner, 'x'), kind, targetSeq: oldSeq, ...(kind === 'reaction' && { reaction: '+1' }) };
      await assert.rejects(on.chat.append(id, entry), refused('MESSAGE_UNKNOWN'), kind);
    }
    assert.equal((await on.chat.append(id, message(owner, 'next'))).seq, seq + 2, 'numbers go on');
    assert.equal(await expire(on), 0, 'once');
  });

  contract('a conversation of which all has expired goes on, and its members stay', async (on, { id, owner, members: [bob = ''] }) => {
    await on.chat.append(id, message(owner, 'old'));
    await on.chat.receive({ conversationId: id, userId: bob, device: 'd', deliveredSeq: 2, readSeq: 1 });
    await on.later(id, 3 * day);
    await expire(on);
    assert.deepEqual(await on.chat.history(bob, id, { beforeSeq: undefined, most: 10 }), []);
    const listed = (await on.chat.list(bob, { most: 10, before: undefined })).find(({ conversation }) => conversation.id === id);
    assert.deepEqual([listed?.lastMessage, listed?.unread], [undefined, 0]);
    const { seq } = await on.chat.append(id, message(owner, 'new'));
    assert.equal(seq, 3);
    await on.chat.changeMembers(id, user(bob), { eventId: randomUUID(), changes: [{ userId: bob }] });
    assert.deepEqual(
      (await on.chat.missing(owner, new Map([[id, 1]]), { most: 10, gapMax: 1_000 })).map((event) => event.seq),
      [3, 4],
    );
  });

  contract(
    'sends, edits and reactions go on while their conversation expires: dense, and each is stored or refused',
    async (on, { id, owner, members: [bob = ''] }) => {
      const before = 1_200;
      const targets: number[] = [];
      for (let n = 0; n < before; n += 100)
        targets.push(
          ...(await Promise.all(Array.from({ length: 100 }, (_, i) => on.chat.append(id, message(owner, `old ${n + i}`))))).map(({ seq }) => seq),
        );
      await on.later(id, 3 * day);
      const outcomes: string[] = [];
      const tried = (work: Promise<unknown>) =>
        work.then(
          () => outcomes.push('stored'),
          (error: { reason?: string }) => outcomes.push(error.reason ?? String(error)),
        );
      const deleted = { count: 0 };
      const expiring = (async () => {
        while (deleted.count < before + 1) deleted.count += await expire(on);
      })();
      const writes = targets
        .filter((_, i) => i % 20 === 0)
        .map((targetSeq, i) => [
          tried(on.chat.append(id, message(bob, `new ${i}`))),
          tried(on.other.append(id, { ...message(owner, `edited ${i}`), kind: 'edit', targetSeq })),
          tried(on.other.append(id, { ...message(bob, ''), kind: 'reaction', reaction: '+1', targetSeq, text: undefined })),
        ]);
      await Promise.all([expiring, ...writes.flat()]);
      assert.deepEqual(
        [...new Set(outcomes)].filter((outcome) => outcome !== 'stored' && outcome !== 'MESSAGE_UNKNOWN'),
        [],
      );
      const events = await on.chat.missing(owner, new Map([[id, 0]]), { most: 1_000, gapMax: 10_000 });
      const expired = await on.chat.expiredSeq(id);
      assert.deepEqual(
        events.map(({ seq }) => seq),
        Array.from({ length: events.length }, (_, i) => expired + 1 + i),
        'dense after the mark',
      );
      assert.equal(texts(events).length, targets.length / 20, 'no new message is lost');
      assert.ok(
        texts(events).every((text) => text?.startsWith('new ')),
        'nothing old is left',
      );
    },
  );
}
