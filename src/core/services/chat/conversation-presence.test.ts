import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quietLog } from '../../../../test/support/log.ts';
import { Fault } from '../../kit/fault.ts';
import type { ChatListener } from '../../ports/chat-announcements.ts';
import { lookingOf } from './conversation-presence.ts';

const id = '11111111-1111-4111-8111-111111111111';
const message = new Uint8Array(0);

/** Ann shows a conversation. */
function opened() {
  const listeners = new Set<ChatListener>();
  const shown = { now: 0, isMember: true };
  const follow = (_: unknown, listener: ChatListener) => {
    listeners.add(listener);
    setImmediate(() => listener.onTop(1));
    return () => void listeners.delete(listener);
  };
  const members = async () => {
    if (!shown.isMember) throw new Fault('CONVERSATION_UNKNOWN', 'There is no such conversation.');
    return [];
  };
  const show = () => {
    shown.now++;
    return () => void shown.now--;
  };
  const stream = { out: { send: () => {}, hasRoom: () => true, onRoom: () => () => {} }, signal: new AbortController().signal, mayBegin: () => true };
  const looking = lookingOf(stream, 'ann', { chat: { members }, announcements: { follow }, presences: { show, changed: () => {} }, log: quietLog });
  const settle = async () => {
    for (let n = 0; n < 3; n++) await new Promise((resolve) => setImmediate(resolve));
  };
  const announceLeft = (user: string) => {
    for (const { onAnnounced } of [...listeners]) onAnnounced({ seqs: [2, 2], left: [user], message });
  };
  return { shown, looking, settle, announceLeft, listeners };
}

test('the end of a membership ends presence at once; a late end of an earlier one does not', async () => {
  const { shown, looking, settle, announceLeft, listeners } = opened();
  looking.look({ conversationIds: [id] });
  await settle();
  assert.equal(shown.now, 1);
  announceLeft('bob');
  assert.equal(shown.now, 1);
  announceLeft('ann'); // she is a member again
  assert.equal(shown.now, 0);
  await settle();
  assert.equal(shown.now, 1);
  shown.isMember = false;
  announceLeft('ann');
  assert.equal(shown.now, 0);
  await settle();
  assert.deepEqual([shown.now, listeners.size], [0, 0]);
});
