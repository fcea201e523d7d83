// What the chat does with its storage: one change after the other, nothing before it has loaded, nothing of another user.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CallError } from '../../src/client/call-error.ts';
import { openChat } from '../../src/client/chat/chat.ts';
import type { ChatNotice, ChatWish } from '../../src/client/chat/state.ts';
import { type Change, type ChatStorage, memoryChatStorage, nothingKept } from '../../src/client/chat/storage.ts';
import type { Session } from '../../src/client/session.ts';
import { PostRequest } from '../../src/gen/portico/v1/chat.ts';
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
  const chat = openChat({
    transport: { chat: () => ({ send: () => {}, close: () => {} }) },
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
  return { chat, notices };
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
