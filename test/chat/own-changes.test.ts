// What only one user sees, across lost streams: a client that says the largest own number that it has lacks nothing.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Client } from 'pg';
import type { ChatClient } from '../support/client/chat-client.ts';
import { type ChatServer, openChatServer, roles } from '../support/server/chat-server.ts';
import { seeded } from '../support/time/seeded.ts';

let server: ChatServer;
before(async () => {
  server = await openChatServer({ settings: { 'live.messagesPerSecond': 100 } });
});
after(() => server?.close());

async function query(text: string, values: readonly unknown[] = []): Promise<void> {
  const database = new Client({ connectionString: server.databaseUrl });
  await database.connect();
  await database.query(text, [...values]);
  await database.end();
}

test('a user of 4,000 conversations with long titles gets them all, whoever has added the user', async () => {
  const [ann, bob] = ['ann-many', 'bob-many'];
  await server.group(ann, bob);
  await query(
    `WITH made AS (
      INSERT INTO chat_conversations (id, kind, title, created_by, created_key, created_hash, last_seq, members_count)
      SELECT gen_random_uuid(), 'group', repeat('😀', 200), 'user:x', n::text, '', 1, 1 FROM generate_series(1, 3999) AS n RETURNING id, created_key)
    INSERT INTO chat_members (conversation_id, user_id, role, own_seq) SELECT id, $1, 'member', created_key::bigint + 1 FROM made`,
    [bob],
  );
  await query('UPDATE chat_users SET last_own_seq = 4000 WHERE user_id = $1', [bob]);
  const client = await server.connect(bob);
  await client.wait('caughtUp');
  assert.deepEqual(client.all('closed'), []);
  assert.deepEqual(
    client.all('conversation').map(({ conversation }) => Number(conversation?.own?.ownSeq)),
    Array.from({ length: 4_000 }, (_, n) => n + 1),
  );
  client.cut();
});

test('a conversation that was left and joined again is reset, because messages in it may have been deleted meanwhile', async () => {
  const [ann, bob] = ['ann-again', 'bob-again'];
  const conversationId = await server.group(ann, bob);
  const { seq } = await server.post(ann, conversationId, 'to be deleted');
  const [byPosition, byToken] = [await server.connect(bob), await server.connect(bob)];
  const { syncToken } = await byToken.wait('caughtUp');
  await byPosition.wait('caughtUp');
  for (const client of [byPosition, byToken]) client.cut();
  const change = (role: number) => server.call(ann, 'ChangeMembers', { conversationId, changes: [{ userId: bob, role }] });
  await change(roles.none);
  await server.call(ann, 'Post', { conversationId, entry: { clientId: randomUUID(), what: { case: 'delete', value: { targetSeq: seq } } } });
  await change(roles.member);
  for (const hello of [
    { positions: byPosition.positions(), ownSeq: byPosition.ownSeq() },
    { syncToken, ownSeq: byToken.ownSeq() },
  ]) {
    const again = await server.connect(bob, hello);
    await again.wait('caughtUp');
    assert.deepEqual(
      again.all('conversation').map(({ conversation, reset }) => [conversation?.id, reset]),
      [[conversationId, true]],
    );
    again.cut();
  }
});

test('what another device hides before the first caught_up is hidden on the next stream', async () => {
  const [ann, bob] = ['ann-hide', 'bob-hide'];
  const conversationId = await server.group(ann, bob);
  const { seq } = await server.post(ann, conversationId, 'to be hidden');
  const first = await server.connect(bob, {}, { acknowledges: false });
  await first.upTo(conversationId, seq);
  first.cut();
  await server.call(bob, 'HideMessage', { conversationId, seq });
  for (const ownSeq of [0n, first.ownSeq()]) {
    const again = await server.connect(bob, { positions: first.positions(), ownSeq });
    await again.wait('caughtUp');
    assert.deepEqual(again.all('conversation').at(-1)?.conversation?.own?.hiddenSeqs, [seq]);
    again.cut();
  }
});

test('more than a thousand hidden messages reset their conversation', async () => {
  const [ann, bob] = ['ann-hides', 'bob-hides'];
  const conversationId = await server.group(ann, bob);
  await server.post(ann, conversationId, 'x');
  const first = await server.connect(bob);
  const { syncToken } = await first.wait('caughtUp');
  first.cut();
  await query(
    `INSERT INTO chat_events (conversation_id, seq, event_id, kind, number, sender_kind, sender_id, text, sent_at)
      SELECT $1, n + 2, gen_random_uuid(), 'message', n + 1, 'user', $2, 'x', now() FROM generate_series(1, 1001) AS n`,
    [conversationId, ann],
  );
  await query('UPDATE chat_conversations SET last_seq = 1003, last_number = 1002, xid = pg_current_xact_id() WHERE id = $1', [conversationId]);
  await query('INSERT INTO chat_hidden SELECT $1, $2, n, n FROM generate_series(3, 1003) AS n', [bob, conversationId]);
  await query('UPDATE chat_users SET last_own_seq = 1003 WHERE user_id = $1', [bob]);
  await query('UPDATE chat_members SET own_seq = 1003 WHERE user_id = $1 AND conversation_id = $2', [bob, conversationId]);
  const again = await server.connect(bob, { syncToken, ownSeq: first.ownSeq() });
  await again.wait('caughtUp');
  assert.deepEqual(
    again.all('conversation').map(({ conversation, reset }) => [conversation?.own?.hiddenSeqs, reset]),
    [[[], true]],
  );
  assert.deepEqual(
    again.events(conversationId).map(({ what }) => what?.$case),
    Array.from({ length: 20 }, () => 'hidden'),
  );
});

/** What a client has of the user's own states after some streams: as its storage would. */
class Device {
  ownSeq = 0n;
  syncToken = '';
  readonly states = new Map<string, string>();
  readonly hidden = new Set<string>();
  readonly positions = new Map<string, { conversationId: string; seq: bigint; eventId: string }>();

  hello() {
    return { positions: [...this.positions.values()], ownSeq: this.ownSeq, syncToken: this.syncToken };
  }

  take({ received }: ChatClient, upTo: number): void {
    for (const { $case, value } of received.slice(0, upTo)) {
      if ($case === 'syncReset') assert.fail('nothing was lost');
      if ($case === 'left') for (const each of [this.states, this.positions]) each.delete(value.conversationId);
      if ($case === 'caughtUp') this.syncToken = value.syncToken;
      if ($case === 'events') {
        const last = value.events.at(-1);
        if (last !== undefined)
          this.positions.set(value.conversationId, { conversationId: value.conversationId, seq: last.seq, eventId: last.eventId });
        for (const { seq, what } of value.events) if (what?.$case === 'hidden') this.hidden.add(`${value.conversationId} ${seq}`);
      }
      if ($case !== 'conversation') continue;
      const { id = '', own } = value.conversation ?? {};
      const ownSeq = own?.ownSeq ?? 0n;
      assert.ok(ownSeq > this.ownSeq || !this.positions.has(id), 'own changes come in their order, once');
      if (ownSeq > this.ownSeq) this.ownSeq = ownSeq;
      this.states.set(id, `${own?.readSeq} ${own?.mutedUntil?.getTime()} ${own?.afterSeq}`);
      for (const seq of own?.hiddenSeqs ?? []) this.hidden.add(`${id} ${seq}`);
    }
  }
}

test('a device that loses its stream at any message has every own state in the end, in the order of the changes', async () => {
  for (const seed of [1, 2, 3, 4]) {
    const random = seeded(seed);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T;
    const [ann, bob] = [`ann-own-${seed}`, `bob-own-${seed}`];
    const ids: string[] = [];
    for (let n = 0; n < 8; n++) ids.push(await server.group(ann, bob));
    for (const id of ids) for (let n = 0; n < 4; n++) await server.post(ann, id, 'x');
    const gone = new Set<string>();
    const hidden = new Set<string>();
    const act = async () => {
      const conversationId = pick(ids);
      const seq = BigInt(2 + Math.floor(random() * 4));
      const members = (role: number) => server.call(ann, 'ChangeMembers', { conversationId, changes: [{ userId: bob, role }] });
      if (gone.has(conversationId)) {
        gone.delete(conversationId);
        return members(roles.member);
      }
      const does = random();
      if (does < 0.2) {
        gone.add(conversationId);
        return members(roles.none);
      }
      if (does < 0.5)
        return server.try(bob, 'MuteConversation', {
          conversationId,
          until: { seconds: BigInt(1_900_000_000 + Math.floor(random() * 1e6)), nanos: 0 },
        });
      if (does < 0.7) return server.try(bob, 'MarkReceived', { conversationId, readSeq: seq });
      const { reason } = await server.try(bob, 'HideMessage', { conversationId, seq });
      if (reason === undefined) hidden.add(`${conversationId} ${seq}`);
    };
    const device = new Device();
    for (let round = 0; round < 6; round++) {
      const client = await server.connect(bob, device.hello());
      const acting = Promise.all(Array.from({ length: 4 }, act));
      if (round % 2 === 0) await client.wait('caughtUp');
      await acting;
      client.cut();
      device.take(client, Math.floor(random() * (client.received.length + 1)));
    }
    const last = await server.connect(bob, device.hello());
    await last.wait('caughtUp');
    device.take(last, last.received.length);
    last.cut();
    const { conversations } = await server.call(bob, 'ListConversations', {});
    const now = conversations.map(({ conversation }: { conversation: Record<string, never> }) => {
      const { id, own } = conversation as unknown as { id: string; own: { readSeq: bigint; afterSeq: bigint; mutedUntil?: { seconds: bigint } } };
      return [id, `${own.readSeq} ${own.mutedUntil && Number(own.mutedUntil.seconds) * 1_000} ${own.afterSeq}`] as const;
    });
    assert.deepEqual(device.states, new Map(now), `seed ${seed}`);
    for (const each of hidden) {
      const [id = ''] = each.split(' ');
      const after = now.find(([other]: readonly [string, string]) => other === id)?.[1].split(' ')[2];
      if (after !== undefined && BigInt(each.split(' ')[1] ?? 0) > BigInt(after))
        assert.ok(device.hidden.has(each), `${each} is hidden, seed ${seed}`);
    }
  }
});
