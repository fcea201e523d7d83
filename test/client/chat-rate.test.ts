// A client that has much to send after a long time offline keeps to the rate that a server takes of it by default.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ChatAction, type ChatClientEvent, type ChatState, initialState } from '../../src/client/chat/state.ts';
import { step } from '../../src/client/chat/step.ts';
import { nothingKept } from '../../src/client/chat/storage.ts';
import { openBucket } from '../../src/core/kit/rate-limit.ts';
import { messageBurstS } from '../../src/core/streams/stream-limits.ts';
import { ChatEvent, ChatResponse, Conversation, PostRequest } from '../../src/gen/portico/v1/chat.ts';
import { live } from '../../src/settings/defaults/live.ts';

const uuid = (n: number) => `11111111-1111-4111-8111-${String(n).padStart(12, '0')}`;
const conversations = 300;
const queued = 500;

test('a long queue, and receipts of many conversations, are sent at a rate that the server takes', () => {
  let nowMs = 1_000_000;
  const perSecond = live.parse({}).messagesPerSecond;
  const mayReceive = openBucket({ perSecond, burst: messageBurstS * perSecond }, () => nowMs);
  let state: ChatState = initialState;
  const timers = new Map<string, number>();
  const events: ChatClientEvent[] = [];
  const lastSeqs = new Map<string, bigint>();
  const sent = { posts: 0, all: 0 };
  const come = (message: ChatResponse['message']) =>
    events.push({ type: 'message', message: ChatResponse.fromPartial({ ...(message && { message }) }) });
  const event = (conversationId: string, userId: string, clientId: string) => {
    const seq = (lastSeqs.get(conversationId) ?? 0n) + 1n;
    lastSeqs.set(conversationId, seq);
    const what = { $case: 'message' as const, value: { content: { text: 'x' } } };
    const one = ChatEvent.fromPartial({ seq, eventId: `e${seq}`, sender: { kind: 1, id: userId }, clientId, what });
    come({ $case: 'events', value: { conversationId, afterSeq: seq - 1n, events: [one] } });
    return seq;
  };
  const serve = (message: Extract<ChatAction, { do: 'send' }>['message']) => {
    assert.ok(mayReceive(), `${sent.all} messages until ${nowMs - 1_000_000} ms`);
    sent.all++;
    if (message?.$case !== 'post') return;
    sent.posts++;
    const { conversationId, entry } = message.value;
    const clientId = entry?.clientId ?? '';
    const seq = event(conversationId, 'alice', clientId);
    const posted = { seq, number: seq, eventId: '', sentAt: undefined, repeated: false };
    come({ $case: 'posted', value: { conversationId, clientId, posted, reason: '', message: '' } });
  };
  const act = (action: ChatAction) => {
    if (action.do === 'send') serve(action.message);
    else if (action.do === 'save') events.push({ type: 'saved', id: action.id });
    else if (action.do === 'setTimer') timers.set(action.name, nowMs + action.ms);
    else if (action.do === 'clearTimers') timers.clear();
  };
  const settle = () => {
    for (let next = events.shift(); next !== undefined; next = events.shift()) {
      const done = step(state, next, { nowMs, random: 0.5 });
      state = done.state;
      for (const action of done.actions) act(action);
    }
  };

  const queue = Array.from({ length: queued }, (_, n) =>
    PostRequest.fromPartial({
      conversationId: uuid(n % 7),
      entry: { clientId: `${n}`, what: { $case: 'message', value: { content: { text: 'x' } } } },
    }),
  );
  events.push({ type: 'restore', userId: 'alice', kept: { ...nothingKept, queue } }, { type: 'start' });
  settle();
  const times = { heartbeatMs: 30_000, acknowledgeEvery: 250, serverTime: undefined, endsAt: undefined };
  come({ $case: 'welcome', value: { streamId: 's', ...times } });
  for (let n = 0; n < conversations; n++) {
    come({ $case: 'conversation', value: { conversation: Conversation.fromPartial({ id: uuid(n), own: {} }), reset: false } });
    event(uuid(n), 'bob', `of bob ${n}`);
  }
  come({ $case: 'caughtUp', value: { syncToken: '' } });
  settle();
  const isDone = () => state.queue.length === 0 && [...state.conversations.values()].every(({ savedSeq, deliveredSeq }) => deliveredSeq >= savedSeq);
  for (let turns = 0; turns < 5_000 && !isDone(); turns++) {
    const [name = '', atMs = nowMs] = [...timers].sort((a, b) => a[1] - b[1])[0] ?? [];
    nowMs = atMs;
    timers.delete(name);
    if (name === 'silence') continue;
    events.push({ type: 'timer', name: name as 'retry' });
    settle();
  }
  assert.deepEqual([sent.posts, isDone(), state.phase], [queued, true, 'live']);
});
