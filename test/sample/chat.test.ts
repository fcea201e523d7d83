// The sample's couriers answer by the hook and ConversationService, as a company's own service would.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { createLocalJWKSet, type JSONWebKeySet } from 'jose';
import { app } from '../../src/app/index.ts';
import { openCompany, sampleCompany } from '../../src/sample/company.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { type Came, chatCalls, kinds, textEntry } from '../support/server/chat-server.ts';
import { openTestServer, type TestServer } from '../support/server/test-server.ts';
import { until } from '../support/time/until.ts';
import { sampleRelease } from './sample-server.ts';

test('the courier of an order answers its customer once, and nobody else opens a conversation about it', async () => {
  let server: TestServer | undefined;
  const company = await openCompany({
    clock: systemClock,
    keys: (header, token) => createLocalJWKSet((server?.portico.jwks() ?? { keys: [] }) as JSONWebKeySet)(header, token),
    issuer: 'portico',
  });
  try {
    const { hook, subjects } = sampleCompany.chat;
    const settings = { 'chat.hook': { ...hook, upstream: 'couriers', deadline: '10s' }, 'chat.subjects': subjects };
    const upstreams = { 'upstreams.couriers': { address: company.addresses.couriers } };
    server = await openTestServer({ app, release: sampleRelease, samples: company.addresses, settings: { ...settings, ...upstreams } });
    company.publishTo({
      address: `localhost:${server.portico.ports.internal}`,
      caFile: server.portico.caFile ?? '',
      token: await server.portico.serviceToken('sample', 60_000),
    });
    const calls = chatCalls(server);
    const { orderId } = company.parcels.active().find(({ userId }) => userId === 'alice') ?? {};
    const opening = (user: string) =>
      calls.try(user, 'CreateConversation', {
        kind: kinds.group,
        userIds: [],
        title: 'My parcel',
        subject: `order:${orderId}`,
        clientId: randomUUID(),
      });
    let opened: Awaited<ReturnType<typeof opening>> | undefined;
    await until(
      'opened: the rule calls an internal service, which on a busy machine may be late at first',
      async () => {
        opened = await opening('alice');
        return opened.reason === undefined;
      },
      60_000,
    );
    assert.equal((await opening('bob')).reason, 'SUBJECT_FORBIDDEN');
    const conversationId = opened?.came.conversation.id;
    const ask = { conversationId, entry: textEntry('Where are you?', 'm1') };
    for (let n = 0; n < 2; n++) await calls.call('alice', 'Post', ask);
    await calls.call('alice', 'Post', { conversationId, entry: textEntry('Thank you.', 'm2') });
    const events = async (): Promise<readonly Came[]> => (await calls.call('alice', 'GetHistory', { conversationId })).events;
    await until('both were answered', async () => (await events()).length === 5, 30_000);
    const bots = (await events()).filter(({ sender }) => sender.kind === 2);
    assert.ok(bots.every(({ sender }) => ['Carol', 'Emil', 'Nadja', 'Theo', 'Yusuf'].includes(sender.id)));
    assert.deepEqual(new Set(bots.map(({ clientId }) => clientId)), new Set(['to m1', 'to m2']));
    assert.ok(bots.some(({ what }) => what.value.content.text === 'Understood.'));
  } finally {
    await server?.close();
    company.close();
  }
});
