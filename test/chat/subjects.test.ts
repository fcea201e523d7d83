// Who may open a conversation about a subject of the company.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Fault } from '../../src/core/kit/fault.ts';
import type { ProtocolName } from '../support/client/protocols.ts';
import { type ChatServer, kinds, openChatServer } from '../support/server/chat-server.ts';
import { callInternal } from '../support/server/live-server.ts';

let server: ChatServer;
before(async () => {
  server = await openChatServer({
    settings: {
      'chat.subjects': {
        item: { open: 'method', method: 'fixture.v1.ScreenService/GetItem', field: 'item_id' },
        open: { open: 'users' },
        mine: { open: 'owner' },
        staff: { open: 'users', scopes: ['nobody.has'] },
      },
    },
  });
});
after(() => server?.close());

const open = async (user: string, subject: string, by?: ProtocolName) =>
  server.try(user, 'CreateConversation', { kind: kinds.group, userIds: ['other'], title: 'About it', clientId: randomUUID(), subject }, by);

test('a rule of the settings decides, by every protocol', async () => {
  const userId = 'ann';
  for (const by of ['grpc h2', 'grpc-web h1', 'json h1', 'connect h2'] satisfies readonly ProtocolName[]) {
    const results: Record<string, string> = {};
    for (const subject of ['', 'open:1', 'mine:x', `mine:${userId}`, 'staff:1', 'none:1', 'item:7'])
      results[subject] = (await open('ann', subject, by)).reason ?? 'created';
    assert.deepEqual(results, {
      '': 'created',
      'open:1': 'created',
      'mine:x': 'SUBJECT_FORBIDDEN',
      [`mine:${userId}`]: 'created',
      'staff:1': 'SUBJECT_FORBIDDEN',
      'none:1': 'SUBJECT_UNKNOWN',
      'item:7': 'created',
    });
  }
  assert.equal((await open('ann', 'open:1')).came.conversation.subject, 'open:1');
});

test('what is no subject is refused by the rules of the request', async () => {
  for (const subject of ['x', ':x', 'x:', 'a b:c', 'a:b c', 'a:\u00e4', `a:${'b'.repeat(199)}`])
    assert.equal((await open('ann', subject)).reason, 'REQUEST_INVALID', subject);
});

test("an upstream's answer decides, is kept with its tags, and decides anew when they are invalidated", async () => {
  const { switches, computed } = server.fixture;
  const allowed = new Set(['1', '2']);
  switches.onCompute = (itemId) => {
    if (!allowed.has(itemId)) throw new Fault('REQUEST_INVALID', 'not yours');
  };
  assert.equal((await open('bea', 'item:9')).reason, 'SUBJECT_FORBIDDEN');
  const before = computed.items;
  for (let i = 0; i < 5; i++) assert.equal((await open('bea', 'item:1')).reason, undefined);
  assert.equal(computed.items, before + 1);
  allowed.delete('1');
  await callInternal(server, 'Invalidate', { tags: ['item:1'] });
  assert.equal((await open('bea', 'item:1')).reason, 'SUBJECT_FORBIDDEN');
  switches.onCompute = () => {};
});

test('nobody may while that cannot be verified', async () => {
  const { switches } = server.fixture;
  switches.titleFailCode = 14;
  const { reason } = await open('cleo', 'item:5');
  assert.match(String(reason), /^UPSTREAM_/);
  switches.titleFailCode = 0;
  assert.equal((await open('cleo', 'item:5')).reason, undefined);
});
