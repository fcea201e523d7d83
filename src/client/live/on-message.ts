import type { Events, LiveResponse, Position, Snapshot, Subscribed, SubscriptionClosed, Watching, WatchClosed } from '../../gen/portico/v1/live.ts';
import { Advice, type StreamClosed, type Welcome } from '../../gen/portico/v1/stream.ts';
import type { Action, Chance, LiveState, Notice, Step, TimerName } from './state.ts';
import { acknowledgement, refused, renewFirst, synced, timer, wait } from './transitions.ts';
import { askedMs } from './waits.ts';
import { without } from './wishes.ts';

/** How long before its end a token is renewed; half of what is left if that is less. Milliseconds. */
const renewBeforeMs = 60_000;
/** After this time without a message the stream acknowledges what it has received. Milliseconds. */
const acknowledgeAfterMs = 1_000;

/** What a message of the server changes. Kinds that this client does not know are signs of life, and nothing else. */
export function onMessage(state: LiveState, { message }: LiveResponse, chance: Chance): Step {
  const { state: next, actions } = stepOf(state, message, chance);
  const alive = next.phase === 'syncing' || next.phase === 'live' ? [timer('silence', 2 * next.heartbeatMs + 10_000)] : [];
  return { state: next, actions: [...actions, ...alive] };
}

function stepOf(state: LiveState, message: LiveResponse['message'], chance: Chance): Step {
  if (message?.$case === 'closed') return closed(state, message.value, chance);
  if (message?.$case === 'welcome') return welcome(state, message.value, chance);
  if (state.phase === 'connecting') return { state, actions: [] }; // the first message is a welcome
  switch (message?.$case) {
    case 'heartbeat':
      return { state: message.value.intervalMs > 0 ? { ...state, heartbeatMs: message.value.intervalMs } : state, actions: [] };
    case 'renewed': // a refused token leaves the old one valid: the end of the stream says what to do
      return { state, actions: message.value.reason === '' ? renewTimer(state, message.value.endsAt, chance) : [] };
    case 'goingAway':
      return { state, actions: [timer('move', message.value.delayMs)] };
    case 'subscribed':
      return subscribed(state, message.value);
    case 'presenceState':
    case 'presenceChange':
      return presence(state, message);
    case 'events':
      return events(state, message.value);
    case 'subscriptionClosed':
      return subscriptionClosed(state, message.value, chance);
    case 'watching':
      return watching(state, message.value);
    case 'snapshot':
      return snapshot(state, message.value);
    case 'watchClosed':
      return watchClosed(state, message.value, chance);
    case 'published': {
      const { requestId, reason } = message.value;
      return { state: { ...state, publishes: without(state.publishes, requestId) }, actions: [notify({ kind: 'published', requestId, reason })] };
    }
    default:
      return { state, actions: [] };
  }
}

const notify = (notice: Notice): Action => ({ do: 'notify', notice });

function welcome(state: LiveState, { heartbeatMs, acknowledgeEvery, serverTime, endsAt }: Welcome, chance: Chance): Step {
  const next: LiveState = {
    ...state,
    phase: 'syncing',
    heartbeatMs,
    acknowledgeEvery: Math.max(1, acknowledgeEvery),
    aheadMs: (serverTime?.getTime() ?? chance.nowMs) - chance.nowMs,
  };
  const again = Array.from(state.publishes.values(), (event): Action => ({ do: 'send', message: { $case: 'publish', value: event } }));
  return synced(next, [...again, ...renewTimer(next, endsAt, chance), timer('heartbeat', heartbeatMs)]);
}

function renewTimer({ aheadMs }: LiveState, endsAt: Date | undefined, { nowMs }: Chance): readonly Action[] {
  if (endsAt === undefined) return [];
  const leftMs = endsAt.getTime() - (nowMs + aheadMs);
  return [timer('renew', Math.max(1_000, Math.floor(leftMs - Math.min(renewBeforeMs, leftMs / 2))))];
}

function closed(state: LiveState, { reason, advice, delayMs }: StreamClosed, chance: Chance): Step {
  switch (advice) {
    case Advice.ADVICE_RENEW_TOKEN:
      return renewFirst(state, reason);
    case Advice.ADVICE_START_OVER: {
      const topics = new Map(Array.from(state.topics, ([name, topic]) => [name, { ...topic, position: undefined }]));
      const watches = new Map(Array.from(state.watches, ([id, watched]) => [id, { ...watched, etag: '' }]));
      const { state: next, actions } = wait({ ...state, topics, watches }, delayMs, chance);
      return { state: next, actions: [notify({ kind: 'startOver' }), ...actions] };
    }
    case Advice.ADVICE_STAY_AWAY:
      return refused(state, reason);
    default: // a later advice than this client knows means: resume
      return wait(state, delayMs, chance);
  }
}

function subscribed(state: LiveState, { topic: name, generation, recovered, position }: Subscribed): Step {
  const topic = state.topics.get(name);
  if (topic === undefined || topic.generation !== generation) return { state, actions: [] };
  const topics = new Map(state.topics).set(name, { ...topic, position, answered: true });
  return synced({ ...state, topics }, [notify({ kind: 'subscribed', topic: name, recovered })]);
}

function events(state: LiveState, { topic: name, events }: Events): Step {
  const topic = state.topics.get(name);
  let position: Position | undefined = topic?.position;
  const actions: Action[] = [];
  for (const event of events) {
    if (position === undefined || event.offset <= position.offset) continue; // already handled
    position = { epoch: position.epoch, offset: event.offset, eventId: event.id };
    actions.push(notify({ kind: 'event', topic: name, event, position }));
  }
  const topics = topic === undefined ? state.topics : new Map(state.topics).set(name, { ...topic, position });
  return counted({ ...state, topics }, events.length, actions);
}

/** States and changes do not count for `acknowledge`. */
function presence(state: LiveState, message: Extract<LiveResponse['message'], { $case: 'presenceState' | 'presenceChange' }>): Step {
  const { topic: name, count } = message.value;
  const topic = state.topics.get(name);
  if (topic === undefined) return { state, actions: [] };
  const users = usersAfter(topic.users, message);
  const notice: Notice = { kind: 'presence', topic: name, count, users: users && [...users].sort() };
  return { state: { ...state, topics: new Map(state.topics).set(name, { ...topic, users }) }, actions: [notify(notice)] };
}

function usersAfter(
  users: ReadonlySet<string> | undefined,
  message: Extract<LiveResponse['message'], { $case: 'presenceState' | 'presenceChange' }>,
): ReadonlySet<string> | undefined {
  if (message.$case === 'presenceState') return message.value.listed ? new Set(message.value.users) : undefined;
  const left = new Set(message.value.left);
  return users && new Set([...users, ...message.value.joined].filter((user) => !left.has(user)));
}

function snapshot(state: LiveState, { key, etag, payload, partial, stale }: Snapshot): Step {
  const of = [...state.watches].filter(([, watched]) => watched.key === key);
  const watches = new Map(state.watches);
  for (const [id, watched] of of) watches.set(id, { ...watched, etag: partial ? watched.etag : etag });
  const actions = of.map(([id]) => notify({ kind: 'snapshot', id, etag, payload, partial, stale }));
  return counted({ ...state, watches }, 1, actions);
}

/** Counts events and snapshots: the count is sent after `acknowledgeEvery` of them, or when the stream is quiet. */
function counted(state: LiveState, count: number, actions: readonly Action[]): Step {
  const next = { ...state, handled: state.handled + count };
  const waiting = next.handled - next.acknowledged;
  if (waiting >= next.acknowledgeEvery) return { state: { ...next, acknowledged: next.handled }, actions: [...actions, acknowledgement(next)] };
  const first = state.handled === state.acknowledged && count > 0;
  return { state: next, actions: first ? [...actions, timer('acknowledge', acknowledgeAfterMs)] : actions };
}

function watching(state: LiveState, { id, generation, key, current }: Watching): Step {
  const watched = state.watches.get(id);
  if (watched === undefined || watched.generation !== generation) return { state, actions: [] };
  const watches = new Map(state.watches).set(id, { ...watched, key, answered: true });
  return synced({ ...state, watches }, current ? [notify({ kind: 'current', id })] : []);
}

function subscriptionClosed(state: LiveState, { topic: name, generation, reason, advice, delayMs }: SubscriptionClosed, chance: Chance): Step {
  const topic = state.topics.get(name);
  if (topic === undefined || topic.generation !== generation) return { state, actions: [] };
  const comesBack = advice !== Advice.ADVICE_STAY_AWAY;
  const position = advice === Advice.ADVICE_START_OVER ? undefined : topic.position;
  const topics = comesBack ? new Map(state.topics).set(name, { ...topic, position, answered: true }) : without(state.topics, name);
  const actions = [
    notify({ kind: 'topicClosed', topic: name, reason, comesBack }),
    ...(comesBack ? again(`topic ${name}`, advice, delayMs, chance) : []),
  ];
  return synced({ ...state, topics }, actions);
}

function watchClosed(state: LiveState, { id, generation, reason, advice, delayMs }: WatchClosed, chance: Chance): Step {
  const watched = state.watches.get(id);
  if (watched === undefined || watched.generation !== generation) return { state, actions: [] };
  const comesBack = advice !== Advice.ADVICE_STAY_AWAY;
  const etag = advice === Advice.ADVICE_START_OVER ? '' : watched.etag;
  const watches = comesBack ? new Map(state.watches).set(id, { ...watched, etag, key: undefined, answered: true }) : without(state.watches, id);
  const actions = [notify({ kind: 'watchClosed', id, reason, comesBack }), ...(comesBack ? again(`watch ${id}`, advice, delayMs, chance) : [])];
  return synced({ ...state, watches }, actions);
}

/** Begins a part of the stream anew after a while, at least a second; with a new token if it is that. */
function again(name: TimerName, advice: Advice, delayMs: number, { random }: Chance): readonly Action[] {
  const renewal: readonly Action[] = advice === Advice.ADVICE_RENEW_TOKEN ? [{ do: 'renewToken' }] : [];
  return [...renewal, timer(name, askedMs(Math.max(1_000, delayMs), random))];
}
