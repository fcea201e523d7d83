import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import type { Push } from '../../ports/push-queue.ts';
import { folderSender } from './dev-senders.ts';

const folder = mkdtempSync(join(tmpdir(), 'portico-pushes-'));
after(() => rmSync(folder, { recursive: true }));

const nowMs = Date.UTC(2026, 0, 1);
const pushTo = (token: string): Push => ({
  id: '1',
  token: { provider: 'fcm', token, topic: '', sandbox: false, quietHours: undefined },
  sessionId: 's',
  content: { kind: 'message', conversationId: 'c', seq: 4, title: 'Crew', text: 'hi' },
  badge: 2,
  attempts: 0,
  repeats: 0,
  expiresAtMs: nowMs + 60_000,
  nowMs,
});

test('a terminal client gets its pushes as lines of its file, up to a bound; no other file is made or changed', async () => {
  const passed: string[] = [];
  const next = {
    send: async ({ token }: Push) => {
      passed.push(token.token);
      return { kind: 'sent' } as const;
    },
    close: async () => {},
  };
  const sender = folderSender(folder, 'text', next);
  const send = (token: string) => sender.send(pushTo(token), new AbortController().signal);
  const [mine, ended] = [`terminal-${randomUUID()}`, `terminal-${randomUUID()}`];
  writeFileSync(join(folder, mine), '');
  writeFileSync(join(folder, 'other'), '');
  const tokens = [mine, ended, 'other', '../other', `${mine}/../other`];
  for (const token of tokens) assert.deepEqual(await send(token), { kind: 'sent' });
  assert.deepEqual(passed, tokens);
  assert.deepEqual(readdirSync(folder).sort(), ['other', mine].sort());
  assert.equal(readFileSync(join(folder, 'other'), 'utf8'), '');
  const line = { kind: 'message', conversation_id: 'c', seq: '4', badge: '2', tag: 'c:4', title: 'Crew', body: 'hi' };
  assert.equal(readFileSync(join(folder, mine), 'utf8'), `${JSON.stringify(line)}\n`);
  writeFileSync(join(folder, mine), 'x'.repeat(65_536));
  await send(mine);
  assert.equal(readFileSync(join(folder, mine)).length, 65_536);
});
