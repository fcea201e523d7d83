// What the chat does with its storage: one change after the other, nothing before it has loaded, nothing of another user.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CallError } from '../../src/client/call-error.ts';
import { openChat } from '../../src/client/chat/chat.ts';
import { saveWhatHolds } from '../../src/client/chat/failed-saves.ts';
import type { ChatNotice, ChatWish } from '../../src/client/chat/state.ts';
import { type Change, type ChatStorage, memoryChatStorage, nothingKept } from '../../src/client/chat/storage.ts';
import type { Session } from '../../src/client/session.ts';
import { ChatResponse, PostRequest } from '../../src/gen/portico/v1/chat.ts';
import { systemClock } from '../../src/wire/system-clock.ts';
import { until } from '../support/time/until.ts';

const id = '11111111-1111-4111-8111-111111111111';
const post = (clientId: string): ChatWish => ({
  type: 'post',
  request: PostRequest.fromPartial({ conversationId: id, entry: { clientId, what: { $case: 'message', value: { content: { text: clientId } } } } }),
});
const idsOf = (requests: readonly PostRequest[]) => requests.map(({ entry }) => entry?.clientId);

/** A chat without a network. */
function opened(storage: ChatStorage, session: Partial<Session> = {}) {
  const notices: ChatNotice[] = [];
  /** Called with what the server sends, when a stream is open. */
  const received: { send?: (message: ChatResponse) => void } = {};
  const chat = openChat({
    transport: {
      chat: (_hello, _headers, { onMessage }) => {
        received.send = onMessage;
        return { send: () => {}, close: () => {} };
      },
    },
    session: {
      signIn: async () => {},
      signOut: async () => {},
      userId: async () => 'alice',
      accessToken: () => new Promise(() => {}),
      renew: () => new Promise(() => {}),
      ...session,
    },
    calls: { call: () => new Promise(() => {}) },
    storage,
    clock: systemClock,
    random: () => 0,
    headers: {},
    onNotice: (notice) => notices.push(notice),
  });
  return { chat, notices, received };
}

test('what is wished before the storage has loaded follows in its order, and is saved one after the other', async () => {
  const memory = memoryChatStorage();
  let saving = 0;
  const load = Promise.withResolvers<void>();
  const storage: ChatStorage = {
    ...memory,
    load: (user) => load.promise.then(() => memory.load(user)),
    save: async (changes) => {
      assert.equal(saving++, 0, 'one at a time');
      await new Promise(setImmediate);
      saving--;
      await memory.save(changes);
    },
  };
  const { chat } = opened(storage);
  for (const n of ['a', 'b']) chat.dispatch(post(n));
  chat.dispatch({ type: 'start' });
  chat.dispatch(post('c'));
  assert.deepEqual(chat.state.queue, []);
  load.resolve();
  await until('all are saved', () => chat.state.queue.filter(({ status }) => status === 'waiting').length === 3);
  assert.deepEqual(idsOf((await memory.load('alice')).queue), ['a', 'b', 'c']);
  assert.equal(chat.state.phase, 'connecting');
});

test('a storage that cannot load refuses what waits for it, and is asked again', async () => {
  const memory = memoryChatStorage();
  let isLocked = true;
  const { chat, notices } = opened({ ...memory, load: (user) => (isLocked ? Promise.reject(new Error('locked')) : memory.load(user)) });
  chat.dispatch(post('a'));
  await until('it is notified', () => notices.length === 2);
  assert.deepEqual(notices, [{ kind: 'posted', conversationId: id, clientId: 'a', reason: 'STORAGE_FAILED' }, { kind: 'storageFailed' }]);
  isLocked = false;
  chat.dispatch(post('b'));
  await until('it is queued', () => chat.state.queue.length === 1);
  assert.deepEqual(idsOf(chat.state.queue.map(({ request }) => request)), ['b']);
});

test('a change that cannot be saved: the entry is refused, and the next one is saved', async () => {
  const memory = memoryChatStorage();
  let fails = true;
  const { chat, notices } = opened({
    ...memory,
    save: (changes: readonly Change[]) => (fails ? Promise.reject(new Error('full')) : memory.save(changes)),
  });
  chat.dispatch(post('a'));
  await until('it is refused', () => notices.some(({ kind }) => kind === 'posted'));
  fails = false;
  chat.dispatch(post('b'));
  await until('it is saved', () => chat.state.queue[0]?.status === 'waiting');
  assert.deepEqual(idsOf((await memory.load('alice')).queue), ['b']);
});

test('after a change that could not be saved, no sync token and no own number is, in whatever order they come', async () => {
  const changes: readonly Change[] = [
    { kind: 'queued', request: PostRequest.fromPartial({ conversationId: id, entry: { clientId: 'a' } }) },
    { kind: 'ownSeq', ownSeq: 7n },
    { kind: 'synced', syncToken: 'token' },
    { kind: 'left', conversationId: id },
  ];
  // what fails, of saves that are all given before the first one has ended
  for (const failing of changes.keys()) {
    const memory = memoryChatStorage();
    await memory.load('alice');
    let n = 0;
    const storage = saveWhatHolds({ ...memory, save: (some) => (n++ === failing ? Promise.reject(new Error('full')) : memory.save(some)) });
    let saving: Promise<unknown> = Promise.resolve();
    const outcomes: string[] = [];
    for (const change of changes)
      saving = saving
        .then(() => storage.save([change]))
        .then(
          () => outcomes.push('saved'),
          () => outcomes.push('failed'),
        );
    await saving;
    const { ownSeq, syncToken } = await memory.load('alice');
    assert.deepEqual([ownSeq, syncToken], [failing > 1 ? 7n : 0n, failing > 2 ? 'token' : ''], `${failing} fails`);
    assert.equal(outcomes.filter((outcome) => outcome === 'failed').length, 1);
    await storage.save([{ kind: 'startOver' }]);
    await storage.save([{ kind: 'synced', syncToken: 'new' }]);
    assert.equal((await memory.load('alice')).syncToken, 'new');
  }
});

test('a state that cannot be saved takes the sync token with it that has come before the storage has answered', async () => {
  const memory = memoryChatStorage();
  let fails = true;
  const storage: ChatStorage = {
    ...memory,
    save: (changes) => {
      if (!fails) return memory.save(changes);
      fails = false;
      return Promise.reject(new Error('full'));
    },
  };
  const { chat, received } = opened(storage, { accessToken: async () => 'token' });
  chat.dispatch({ type: 'start' });
  await until('a stream', () => received.send !== undefined);
  const conversation = { id, own: { ownSeq: 3n } };
  for (const message of [
    { $case: 'welcome', value: { streamId: 's', heartbeatMs: 30_000, acknowledgeEvery: 3 } },
    { $case: 'conversation', value: { conversation, reset: false } }, // this fails, after the token was given to be saved
    { $case: 'caughtUp', value: { syncToken: 'token' } },
  ] as const)
    received.send?.(ChatResponse.fromPartial({ message }));
  await until('it was saved', () => chat.state.saving.size === 0);
  const kept = await memory.load('alice');
  assert.deepEqual([kept.conversations, kept.ownSeq, kept.syncToken], [[], 0n, '']);
});

test('without a user nothing is sent, and the sign-in is what is missing', async () => {
  const nobody = new CallError('UNAUTHENTICATED', 'Nobody is signed in.');
  const { chat, notices } = opened(memoryChatStorage(), { userId: () => Promise.reject(nobody) });
  chat.dispatch({ type: 'start' });
  await until('it is notified', () => notices.length === 1);
  assert.deepEqual([notices, chat.state.phase], [[{ kind: 'refused', reason: 'UNAUTHENTICATED' }], 'stopped']);
});

test('what was being loaded or saved for a user is nothing of the next one', async () => {
  const memory = memoryChatStorage();
  const load = Promise.withResolvers<void>();
  let user = 'alice';
  const { chat } = opened(
    { ...memory, load: (of) => (of === 'alice' ? load.promise.then(() => memory.load(of)) : memory.load(of)) },
    { userId: async () => user },
  );
  chat.dispatch(post('a'));
  await new Promise(setImmediate);
  chat.dispatch({ type: 'forget' });
  user = 'bob';
  chat.dispatch(post('b'));
  await until('it is queued', () => chat.state.queue.length === 1);
  load.resolve();
  await new Promise(setImmediate);
  assert.deepEqual([chat.state.userId, idsOf(chat.state.queue.map(({ request }) => request))], ['bob', ['b']]);
  chat.dispatch({ type: 'forget' });
  await until('all is erased', async () => (await memory.load('bob')).queue.length === 0);
  assert.deepEqual(await memory.load('bob'), nothingKept);
});
