// What is about a message that a member may not see is not for that member either: live, in what is missing, and in
// history, whatever the reason and whatever it says.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Client } from 'pg';
import { type ChatServer, openChatServer, roles } from '../support/server/chat-server.ts';

let server: ChatServer;
before(async () => {
  server = await openChatServer();
});
after(() => server?.close());

const entries = {
  edited: (targetSeq: bigint) => ({ case: 'edit', value: { targetSeq, content: { text: 'other words' } } }),
  reacted: (targetSeq: bigint) => ({ case: 'react', value: { targetSeq, reaction: '👍' } }),
  deleted: (targetSeq: bigint) => ({ case: 'delete', value: { targetSeq } }),
} as const;

/** Makes a message of Ann in a group with Cy one that Bob may not see. */
const reasons = {
  'hidden by the member': async (bob: string, conversationId: string, add: () => Promise<bigint>) => {
    const seq = await add();
    await server.call(bob, 'HideMessage', { conversationId, seq });
    return seq;
  },
  'of a blocked sender': async (bob: string, _: string, add: () => Promise<bigint>, ann: string) => {
    await block(bob, ann);
    return add();
  },
  'older than the membership': async (bob: string, conversationId: string, add: () => Promise<bigint>, ann: string) => {
    const change = (role: number) => server.call(ann, 'ChangeMembers', { conversationId, changes: [{ userId: bob, role }] });
    await change(roles.none);
    const seq = await add();
    await change(roles.member);
    return seq;
  },
} as const;

async function block(user: string, blocked: string): Promise<void> {
  const database = new Client({ connectionString: server.databaseUrl });
  await database.connect();
  await database.query('INSERT INTO chat_blocks VALUES ($1, $2)', [user, blocked]);
  await database.end();
}

for (const [reason, prepare] of Object.entries(reasons))
  for (const [kind, entryOf] of Object.entries(entries))
    test(`a message ${reason} is not ${kind} for whoever may not see it`, async () => {
      const [ann, bob, cy] = ['ann', 'bob', 'cy'].map((name) => `${name}-${randomUUID()}`) as [string, string, string];
      const conversationId = await server.group(ann, bob, cy);
      await server.call(ann, 'ChangeMembers', { conversationId, changes: [{ userId: cy, role: roles.owner }] });
      const add = async () => (await server.post(ann, conversationId, 'words')).seq as bigint;
      const targetSeq = await prepare(bob, conversationId, add, ann);
      const [live, other] = await Promise.all([bob, cy].map((user) => server.connect(user)));
      if (live === undefined || other === undefined) throw new Error('Not both are connected.');
      await Promise.all([live, other].map((client) => client.wait('caughtUp')));
      // by another one than its sender, where another one may
      const by = kind === 'edited' ? ann : cy;
      const { posted } = await server.call(by, 'Post', { conversationId, entry: { clientId: randomUUID(), what: entryOf(targetSeq) } });
      const later = await server.connect(bob);
      await Promise.all([live, other, later].map((client) => client.upTo(conversationId, posted.seq)));
      const { events } = await server.call(bob, 'GetHistory', { conversationId });
      assert.deepEqual(
        [live, later, other].map((client) => client.events(conversationId).at(-1)?.what?.$case),
        ['hidden', 'hidden', kind],
      );
      assert.equal(events.at(-1).what.case, 'hidden');
      assert.equal(events.at(-1).sender, undefined);
    });

test('a blocked admin deletes a message of another one for all: this has no words, and is shown', async () => {
  const [ann, bob, cy] = ['ann-admin', 'bob-admin', 'cy-admin'];
  const conversationId = await server.group(ann, bob, cy);
  const { seq } = await server.post(cy, conversationId, 'words');
  await block(bob, ann);
  const live = await server.connect(bob);
  await live.wait('caughtUp');
  await server.call(ann, 'Post', { conversationId, entry: { clientId: randomUUID(), what: entries.deleted(seq) } });
  await live.upTo(conversationId, 3);
  assert.equal(live.events(conversationId).at(-1)?.what?.$case, 'deleted');
});
