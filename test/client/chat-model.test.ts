// The state machine of the chat between a model of the server and a storage that crashes: messages are lost in both
// directions, processes end, and the server cannot store for a while. A seed repeats a history.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ChatAction, type ChatClientEvent, type ChatState, initialState } from '../../src/client/chat/state.ts';
import { step } from '../../src/client/chat/step.ts';
import { type Change, type Kept, keptAfter, nothingKept } from '../../src/client/chat/storage.ts';
import { ChatEvent, type ChatHello, type ChatRequest, ChatResponse, Conversation, PostRequest } from '../../src/gen/portico/v1/chat.ts';
import { seeded } from '../support/time/seeded.ts';

const ids = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'];
const rounds = 400;

type Random = (below: number) => number;
type Came = NonNullable<ChatResponse['message']>;

/** Stores each entry once, and sends each stream what it lacks; it answers when it is asked to work. */
function openModel() {
  const logs = new Map(ids.map((id) => [id, [] as ChatEvent[]]));
  const store = (userId: string, { conversationId, entry }: PostRequest) => {
    const log = logs.get(conversationId) ?? [];
    const found = log.find((event) => event.clientId === entry?.clientId && event.sender?.id === userId);
    if (found !== undefined) return found;
    const seq = BigInt(log.length + 1);
    const content = entry?.what?.$case === 'message' ? entry.what.value.content : undefined;
    const what = { $case: 'message' as const, value: { number: seq, ...(content && { content }) } };
    const event = ChatEvent.fromPartial({ seq, eventId: `e${seq}`, sender: { kind: 1, id: userId }, clientId: entry?.clientId ?? '', what });
    log.push(event);
    return event;
  };
  return { logs, store };
}

/** A stream at the server: what it was sent, and what it may still send. */
type Session = {
  readonly inbox: ChatRequest['message'][];
  readonly outbox: Came[];
  readonly sent: Map<string, number>;
  counted: number;
  /** Events of each conversation when it began. */
  readonly point: readonly number[];
  acknowledged: number;
};

function openDevice(userId: string, { logs, store }: ReturnType<typeof openModel>, random: Random) {
  let state: ChatState = initialState;
  let kept: Kept = nothingKept;
  /** Not in the storage yet: a crash loses them. */
  let saves: { readonly id: number; readonly changes: readonly Change[] }[] = [];
  let session: Session | undefined;
  let timers = new Set<string>();
  const refused: string[] = [];

  const dispatch = (event: ChatClientEvent) => {
    const next = step(state, event, { nowMs: 0, random: 0 });
    state = next.state;
    for (const action of next.actions) act(action);
  };
  const act = (action: ChatAction) => {
    switch (action.do) {
      case 'open':
        session = begin(action.hello);
        break;
      case 'send':
        session?.inbox.push(action.message);
        break;
      case 'close':
        session = undefined;
        break;
      case 'setTimer':
        timers.add(action.name);
        break;
      case 'clearTimers':
        timers = new Set();
        break;
      case 'save':
        saves.push(action);
        break;
      case 'notify':
        if (action.notice.kind === 'posted' && action.notice.reason !== '') refused.push(action.notice.reason);
    }
  };
  const begin = ({ positions, syncToken }: ChatHello): Session => {
    // a token of this model is the number of events of each conversation
    const ofToken = syncToken === '' ? [] : syncToken.split('.').map((seq, i) => [ids[i] ?? '', Number(seq)] as const);
    const known = new Map([...ofToken, ...positions.map(({ conversationId, seq }) => [conversationId, Number(seq)] as const)]);
    const point = ids.map((id) => logs.get(id)?.length ?? 0);
    const outbox: Came[] = [
      { $case: 'welcome', value: { streamId: 's', heartbeatMs: 1_000, acknowledgeEvery: 3, serverTime: undefined, endsAt: undefined } },
    ];
    for (const id of ids) {
      if (known.has(id)) continue;
      const conversation = Conversation.fromPartial({ id, own: { ownSeq: 1n } });
      outbox.push({ $case: 'conversation', value: { conversation, reset: false } });
    }
    return { inbox: [], outbox, sent: new Map(ids.map((id) => [id, known.get(id) ?? 0])), counted: 0, acknowledged: 0, point };
  };
  /** The server handles one message, or sends a page. */
  const serve = (isDown: boolean) => {
    if (session === undefined) return;
    const message = session.inbox.shift();
    if (message?.$case === 'acknowledge') session.acknowledged = Number(message.value.count);
    if (message?.$case === 'post') {
      const { conversationId, entry } = message.value;
      const answer = { conversationId, clientId: entry?.clientId ?? '', reason: isDown ? 'STORAGE_DOWN' : '', message: '', posted: undefined };
      const event = isDown ? undefined : store(userId, message.value);
      const posted = event && { seq: event.seq, number: event.seq, eventId: event.eventId, sentAt: undefined, repeated: false };
      session.outbox.push({ $case: 'posted', value: { ...answer, posted } });
    }
    for (const [id, from] of session.sent) {
      const events = (logs.get(id) ?? []).slice(from, from + 1 + random(3));
      if (events.length === 0 || session.counted - session.acknowledged > 8) continue;
      session.outbox.push({ $case: 'events', value: { conversationId: id, afterSeq: BigInt(from), events } });
      session.sent.set(id, from + events.length);
      session.counted += events.length;
    }
    const { point, sent } = session;
    const hasAll = ids.every((id, i) => (sent.get(id) ?? 0) >= (point[i] ?? 0));
    if (hasAll && session.counted === session.acknowledged && random(4) === 0)
      session.outbox.push({ $case: 'caughtUp', value: { syncToken: point.join('.') } });
  };
  const receive = () => {
    const message = session?.outbox.shift();
    // as bytes: what a state machine keeps is not the server's own
    if (message !== undefined) dispatch({ type: 'message', message: ChatResponse.decode(ChatResponse.encode({ message }).finish()) });
  };
  const saveOne = () => {
    const next = saves.shift();
    if (next === undefined) return;
    kept = next.changes.reduce(keptAfter, kept);
    dispatch({ type: 'saved', id: next.id });
  };
  const fire = () => {
    const name = [...timers][random(timers.size)];
    if (name === undefined || name === 'silence' || name === 'move') return;
    timers.delete(name);
    dispatch({ type: 'timer', name: name as 'retry' });
  };
  const start = () => {
    dispatch({ type: 'restore', userId, kept });
    dispatch({ type: 'start' });
  };
  return {
    start,
    dispatch,
    steps: [receive, receive, saveOne, saveOne, fire],
    serve,
    cut: () => dispatch({ type: 'ended', code: 'UNAVAILABLE' }),
    crash: () => {
      [state, saves, timers, session] = [initialState, [], new Set(), undefined];
      start();
    },
    isQueued: (clientId: string) => kept.queue.some(({ entry }) => entry?.clientId === clientId),
    refused,
    get state() {
      return state;
    },
    /** Contents of what it has, and what it would have after a restart. */
    clientIds: (id: string) => [
      state.conversations.get(id)?.events.map((event) => event.clientId),
      kept.conversations.find(({ conversation }) => conversation.id === id)?.events.map((event) => event.clientId),
    ],
  };
}

const entryOf = (conversationId: string, clientId: string) =>
  PostRequest.fromPartial({ conversationId, entry: { clientId, what: { $case: 'message', value: { content: { text: clientId } } } } });

test('whatever is lost, and whoever ends: each entry is stored once, in its order, and all devices have the same', () => {
  for (let seed = 0; seed < 60; seed++) {
    const next = seeded(seed);
    const random: Random = (below) => Math.floor(next() * below);
    const model = openModel();
    // two devices of one user, and another user
    const devices = [openDevice('alice', model, random), openDevice('alice', model, random), openDevice('bob', model, random)];
    for (const device of devices) device.start();
    /** What an app may rely on: it was in the storage. */
    const wished = devices.map(() => [] as { readonly id: string; readonly clientId: string }[]);
    const safe = new Set<string>();
    const note = () => {
      for (const [i, device] of devices.entries()) for (const { clientId } of wished[i] ?? []) if (device.isQueued(clientId)) safe.add(clientId);
    };
    for (let round = 0; round < rounds; round++) {
      const i = random(devices.length);
      const device = devices[i] as (typeof devices)[number];
      const chance = random(100);
      if (chance < 12) {
        const [id = '', clientId] = [ids[random(ids.length)], `${i}.${round}`];
        wished[i]?.push({ id, clientId });
        device.dispatch({ type: 'post', request: entryOf(id, clientId) });
      } else if (chance < 16) device.cut();
      else if (chance < 18) device.crash();
      else if (chance < 21) device.dispatch({ type: random(2) === 0 ? 'networkLost' : 'networkFound' });
      else if (chance < 55) device.serve(random(5) === 0);
      else device.steps[random(device.steps.length)]?.();
      note();
    }
    for (let round = 0; round < 400; round++)
      for (const device of devices) {
        if (device.state.phase === 'offline') device.dispatch({ type: 'networkFound' });
        for (let n = 0; n < 3; n++) device.serve(false);
        for (const each of device.steps) each();
      }
    for (const id of ids) {
      const log = (model.logs.get(id) ?? []).map(({ clientId }) => clientId);
      assert.equal(new Set(log).size, log.length, `seed ${seed}: stored twice`);
      for (const [i, device] of devices.entries()) {
        const own = (wished[i] ?? []).filter((wish) => wish.id === id).map(({ clientId }) => clientId);
        const stored = log.filter((clientId) => clientId.startsWith(`${i}.`));
        assert.deepEqual(
          stored,
          own.filter((clientId) => stored.includes(clientId)),
          `seed ${seed}: order`,
        );
        assert.deepEqual(
          own.filter((clientId) => safe.has(clientId) && !stored.includes(clientId)),
          [],
          `seed ${seed}: lost`,
        );
        assert.deepEqual(device.clientIds(id), [log, log], `seed ${seed}: device ${i}`);
        assert.deepEqual([device.state.queue, device.refused], [[], []], `seed ${seed}: device ${i}`);
      }
    }
  }
});
