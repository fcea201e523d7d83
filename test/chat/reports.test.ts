// Reports of messages: who may report what, and that the company's service gets each of them, whatever happens to it.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { createServer, ServerError } from 'nice-grpc';
import { Client } from 'pg';
import { statusCodes } from '../../src/core/kit/reasons.ts';
import { ChatReportServiceDefinition, type ReportRequest } from '../../src/gen/portico/internal/v1/chat_report.ts';
import { protocols } from '../support/client/protocols.ts';
import { type ChatServer, kinds, openChatServer, roles } from '../support/server/chat-server.ts';
import { until } from '../support/time/until.ts';

const seen: ReportRequest[] = [];
let answer: (request: ReportRequest) => Promise<void> | void = () => {};
let desk = await openDesk(0);
let server: ChatServer;
before(async () => {
  server = await openChatServer({ settings: settingsOf(desk.port, 1_000) });
});
after(async () => {
  await server?.close();
  desk.close();
});
beforeEach(() => {
  seen.length = 0;
  answer = () => {};
});

async function openDesk(wished: number) {
  const opened = createServer();
  opened.add(ChatReportServiceDefinition, {
    report: async (request) => {
      seen.push(request);
      await answer(request);
      return {};
    },
  });
  const port = await opened.listen(`127.0.0.1:${wished}`);
  return { port, close: () => opened.forceShutdown() };
}
function settingsOf(port: number, perHour: number) {
  return {
    'upstreams.desk.address': `127.0.0.1:${port}`,
    'chat.reports.upstream': 'desk',
    'chat.reports.deadline': '2s',
    'chat.reports.perHour': perHour,
  };
}
const names = () => ['ann', 'bob', 'cy'].map((name) => `${name}-${randomUUID()}`) as [string, string, string];
const spam = 1;
const report = (user: string, conversationId: string, seq: bigint, more: object = {}) =>
  server.try(user, 'SafetyService/ReportMessage', { conversationId, seq, reason: spam, ...more });
const ofUser = (user: string) => seen.filter(({ reporterId }) => reporterId === user);
/** What waits in the database, of a user. */
async function stored(user: string) {
  const client = new Client({ connectionString: server.databaseUrl });
  await client.connect();
  const { rows } = await client.query('SELECT due_at, message, comment, attempts FROM chat_reports WHERE reporter_id = $1', [user]);
  await client.end();
  return rows as { due_at: Date | null; message: unknown; comment: string | null; attempts: number }[];
}
const delivered = (user: string, count = 1) =>
  until('all is delivered', async () => (await stored(user)).filter(({ due_at: due }) => due === null).length === count);

test('the service gets the message as its reporter saw it, once, and nothing of it is kept afterwards', async () => {
  const [ann, bob] = names();
  const id = await server.group(ann, bob);
  const content = { text: 'buy now', data: Uint8Array.of(1, 2) };
  const { posted } = await server.call(ann, 'Post', { conversationId: id, entry: { clientId: 'a', what: { case: 'message', value: { content } } } });
  answer = () => new Promise(() => {}); // until the deadline
  assert.equal((await report(bob, id.toUpperCase(), posted.seq, { comment: 'look' })).reason, undefined);
  await until('it was sent', () => seen.length > 0);
  answer = () => {};
  await server.call(ann, 'Post', { conversationId: id, entry: { clientId: 'd', what: { case: 'delete', value: { targetSeq: posted.seq } } } });
  assert.equal((await report(bob, id, posted.seq, { comment: 'another text' })).reason, undefined, 'a repeat, though the message is gone');
  await delivered(bob);
  assert.equal(new Set(ofUser(bob).map(({ reportId }) => reportId)).size, 1);
  const { reportId, reportedAt, sentAt, content: reported, ...rest } = ofUser(bob).at(-1) as ReportRequest;
  assert.match(reportId, /^[0-9a-f-]{36}$/);
  assert.ok(reportedAt !== undefined && sentAt !== undefined && reportedAt >= sentAt);
  assert.deepEqual([reported?.text, [...(reported?.data ?? [])]], ['buy now', [1, 2]]);
  const same = { reporterId: bob, reason: spam, comment: 'look', conversationId: id, kind: kinds.group, subject: '', seq: posted.seq };
  assert.deepEqual(rest, { ...same, sender: { kind: 1, id: ann }, attachmentIds: [] });
  assert.deepEqual(
    (await stored(bob)).map(({ message, comment }) => [message, comment]),
    [[null, null]],
  );
});

/** Why a user does not see a message, so that it cannot be reported. */
const unseen: Readonly<Record<string, (world: { ann: string; bob: string; id: string; seq: bigint }) => Promise<unknown>>> = {
  'that was deleted for all': ({ bob, id, seq }) =>
    server.call(bob, 'Post', { conversationId: id, entry: { clientId: 'd', what: { case: 'delete', value: { targetSeq: seq } } } }),
  'that the reader has hidden': ({ ann, id, seq }) => server.call(ann, 'HideMessage', { conversationId: id, seq }),
  'of a sender whom the reader has blocked': ({ ann, bob }) => server.call(ann, 'SafetyService/BlockUser', { userId: bob }),
  'older than the membership': async ({ ann, bob, id }) => {
    for (const role of [roles.none, roles.member]) await server.call(bob, 'ChangeMembers', { conversationId: id, changes: [{ userId: ann, role }] });
  },
};
for (const [what, make] of Object.entries(unseen))
  test(`a message ${what} is not reported`, async () => {
    const [ann, bob, cy] = names();
    const id = await server.group(bob, ann, cy);
    const { seq } = await server.post(bob, id, 'words');
    await make({ ann, bob, id, seq });
    assert.equal((await report(ann, id, seq)).reason, 'MESSAGE_UNKNOWN');
    assert.deepEqual(await stored(ann), []);
  });

for (const protocol of protocols)
  test(`${protocol}: strangers and former members report nothing; each field has its rules`, async () => {
    const [ann, bob, cy] = names();
    const id = await server.group(ann, bob);
    const { seq } = await server.post(ann, id, 'words');
    await server.call(bob, 'LeaveConversation', { conversationId: id });
    const reasonOf = async (user: string, more: object = {}) =>
      (await server.try(user, 'SafetyService/ReportMessage', { conversationId: id, seq, reason: spam, ...more }, protocol)).reason;
    for (const user of [bob, cy]) assert.equal(await reasonOf(user), 'CONVERSATION_UNKNOWN');
    assert.equal(await reasonOf(cy, { conversationId: randomUUID() }), 'CONVERSATION_UNKNOWN');
    for (const unknown of [1n, 77n]) assert.equal(await reasonOf(ann, { seq: unknown }), 'MESSAGE_UNKNOWN', 'no message');
    const wrong = [{ reason: 0 }, { comment: 'x'.repeat(1_001) }, { comment: 'a\0b' }, { seq: 0n }, { conversationId: 'x' }];
    for (const more of wrong) assert.equal(await reasonOf(ann, more), 'REQUEST_INVALID', JSON.stringify(Object.keys(more)));
    assert.deepEqual((await stored(ann)).length, 0);
  });

/** What the service does at first. */
const failures: Readonly<Record<string, () => Promise<void> | void>> = {
  'is overloaded': () => {
    throw new ServerError(statusCodes.RESOURCE_EXHAUSTED, 'later');
  },
  'refuses it': () => {
    throw new ServerError(statusCodes.INVALID_ARGUMENT, 'no');
  },
  'has a defect': () => {
    throw new Error('a defect');
  },
  'is silent': () => new Promise(() => {}),
};
for (const [what, fail] of Object.entries(failures))
  test(`a service that ${what} is asked again, until it has the report`, async () => {
    const [ann, bob] = names();
    const id = await server.group(ann, bob);
    const { seq } = await server.post(ann, id, 'words');
    let calls = 0;
    answer = (request) => (request.reporterId === bob && ++calls === 1 ? fail() : undefined);
    await report(bob, id, seq);
    await delivered(bob);
    assert.ok(ofUser(bob).length >= 2);
  });

test('a service that is away loses nothing, also when the server ends meanwhile', async () => {
  const [ann, bob] = names();
  const id = await server.group(ann, bob);
  desk.close();
  const seqs: bigint[] = [];
  for (let n = 0; n < 25; n++) seqs.push((await server.post(ann, id, `words ${n}`)).seq);
  await Promise.all(seqs.map((seq) => report(bob, id, seq)));
  await until('some were tried', async () => (await stored(bob)).some(({ attempts }) => attempts > 0));
  const other = await openChatServer({ shared: server, settings: settingsOf(desk.port, 1_000) });
  await other.close();
  desk = await openDesk(desk.port);
  await delivered(bob, 25);
  assert.deepEqual(new Set(ofUser(bob).map(({ seq }) => seq)), new Set(seqs));
  assert.equal(new Set(ofUser(bob).map(({ reportId }) => reportId)).size, 25);
});

test('a user reports as often as the settings say, and nobody without them', async () => {
  const small = await openChatServer({ settings: settingsOf(desk.port, 2) });
  const off = await openChatServer();
  try {
    const tried = async (at: ChatServer) => {
      const conversationId = await at.group('ann');
      const { seq } = await at.post('ann', conversationId, 'words');
      const once = async () => (await at.try('ann', 'SafetyService/ReportMessage', { conversationId, seq, reason: spam })).reason;
      return [await once(), await once(), await once()];
    };
    assert.deepEqual(await tried(small), [undefined, undefined, 'REPORTS_TOO_MANY']);
    assert.deepEqual(await tried(off), ['REPORTS_OFF', 'REPORTS_OFF', 'REPORTS_OFF']);
  } finally {
    await small.close();
    await off.close();
  }
});
