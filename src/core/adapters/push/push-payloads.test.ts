import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { noticeBytesMax } from '../../ports/push-limits.ts';
import type { Push, PushContent } from '../../ports/push-queue.ts';
import { apnsHeadersOf, apsOf, payloadBytesMax, shownOf } from './push-payloads.ts';

const conversationId = '01890000-0000-7000-8000-000000000000';
const nowMs = Date.parse('2026-01-15T12:00:00Z');
function pushOf(content: PushContent, more: Partial<Push> = {}): Push {
  const token = { provider: 'apns', token: 'ab', topic: 'com.example', sandbox: false, quietHours: undefined } as const;
  return { id: '1', sessionId: 's', token, content, badge: 3, attempts: 0, repeats: 0, nowMs, expiresAtMs: nowMs + 3_600_000, ...more };
}
const messageOf = (title: string, text: string): PushContent => ({ kind: 'message', conversationId, seq: 7, title, text });
const all = (push: Push, text: 'place' | 'text') => {
  const shown = shownOf(push, text);
  return { aps: apsOf(push, shown), headers: apnsHeadersOf(push, shown), data: shown.data };
};

test('a message is shown with a text of the app, and says where it is', () => {
  const { aps, headers, data } = all(pushOf(messageOf('Crew', 'secret')), 'place');
  assert.deepEqual(aps, { alert: { 'loc-key': 'PORTICO_MESSAGE' }, badge: 3, sound: 'default', 'thread-id': conversationId, 'mutable-content': 1 });
  assert.deepEqual(data, { kind: 'message', conversation_id: conversationId, seq: '7', badge: '3' });
  assert.deepEqual(headers, {
    'apns-push-type': 'alert',
    'apns-priority': '10',
    'apns-expiration': `${nowMs / 1_000 + 3_600}`,
    'apns-collapse-id': `${conversationId}:7`,
  });
  assert.equal(JSON.stringify([aps, headers, data]).includes('secret'), false);
});

test('with its text it has title and text; a message without a text has none of ours', () => {
  assert.deepEqual(all(pushOf(messageOf('Crew', 'hello')), 'text').aps.alert, { title: 'Crew', body: 'hello' });
  assert.deepEqual(all(pushOf(messageOf('', '')), 'text').aps.alert, { body: ' ' });
});

test('in quiet hours it makes no sound', () => {
  const { token } = pushOf(messageOf('', ''));
  const push = pushOf(messageOf('', ''), { token: { ...token, quietHours: { timeZone: 'UTC', fromMinute: 0, toMinute: 0 } } });
  const { aps, headers } = all(push, 'place');
  assert.deepEqual([aps.sound, aps['interruption-level'], headers['apns-priority']], [undefined, 'passive', '5']);
});

test('what is read, and a notice without a text, show nothing: the system allows no badge beside it', () => {
  const notice = { title: '', body: '', data: { order: '42' }, collapseId: '' };
  for (const content of [
    { kind: 'read', conversationId, seq: 7 },
    { kind: 'notice', noticeId: conversationId, notice },
  ] as const) {
    const { aps, headers } = all(pushOf(content), 'text');
    assert.deepEqual([aps, headers['apns-push-type'], headers['apns-priority']], [{ 'content-available': 1 }, 'background', '5']);
  }
});

test('whatever a notice says within its bounds, a push of it is no larger than the platforms take, and is sent whole', () => {
  const { title: titleMax, body: bodyMax, data: dataMax } = noticeBytesMax;
  const text = fc.string({ unit: fc.oneof(fc.constantFrom('"', '\\', '\u{1f600}', '\u0001', 'a'), fc.constant('b')), maxLength: 1_000 });
  const cut = (from: string, most: number) => {
    let kept = from;
    while (Buffer.byteLength(JSON.stringify(kept)) > most) kept = [...kept].slice(0, -1).join('');
    return kept;
  };
  fc.assert(
    fc.property(text, text, text, (a, b, c) => {
      let value = c;
      while (Buffer.byteLength(JSON.stringify(JSON.stringify({ k: value }))) > dataMax) value = [...value].slice(0, -1).join('');
      const notice = { title: cut(a, titleMax), body: cut(b, bodyMax), data: { k: value }, collapseId: 'c'.repeat(64) };
      const push = pushOf({ kind: 'notice', noticeId: conversationId, notice }, { badge: Number.MAX_SAFE_INTEGER });
      const { aps, headers, data } = all(push, 'text');
      const { title, body } = notice;
      const viaFcm = { data: { ...data, tag: headers['apns-collapse-id'], title, body, quiet: 'true' }, headers, aps };
      assert.ok(Buffer.byteLength(JSON.stringify(viaFcm)) <= payloadBytesMax);
      assert.ok(Buffer.byteLength(JSON.stringify({ aps, portico: data })) <= payloadBytesMax);
      assert.deepEqual(JSON.parse(data.data ?? ''), notice.data);
    }),
    { numRuns: 100 },
  );
});

test('whatever a message says, a push of it is no larger than the platforms take, sent twice as FCM does', () => {
  const texts = fc.string({
    unit: fc.oneof(fc.constantFrom('\u0000', '"', '\\', '\u{1f600}', 'ß', '\ud800', '\n'), fc.string({ minLength: 1, maxLength: 1 })),
    maxLength: 500,
  });
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), texts, (title, text) => {
      const { aps, data } = all(pushOf(messageOf(title, text), { badge: Number.MAX_SAFE_INTEGER }), 'text');
      const { title: shownTitle = '', body = '' } = aps.alert as { title?: string; body?: string };
      const twice = { ...data, tag: `${conversationId}:${Number.MAX_SAFE_INTEGER}`, title: shownTitle, body, quiet: 'true', aps };
      assert.ok(Buffer.byteLength(JSON.stringify(twice)) <= payloadBytesMax);
      assert.ok(body.isWellFormed() && shownTitle.isWellFormed());
    }),
    { numRuns: 300 },
  );
});
