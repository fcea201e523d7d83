import type { Events, LiveResponse, Position, Snapshot, Subscribed, SubscriptionClosed, WatchClosed, Watching } from '../../gen/portico/v1/live.ts';
import { Advice } from '../../gen/portico/v1/stream.ts';
import type { Chance } from '../stream/connection.ts';
import { alive, onStreamMessage, startsOver } from '../stream/on-stream-message.ts';
import { askedMs } from '../stream/retry-waits.ts';
import { counted, timer } from '../stream/transitions.ts';
import { publishAgain } from './publish.ts';
import type { Action, LiveDraft, LiveState, Notice, TimerName } from './state.ts';
import { synced, without } from './subscribe-and-watch.ts';

/** What a message of the server changes. Kinds that this client does not know are signs of life, and nothing else. */
export function onMessage(state: LiveState, { message }: LiveResponse, chance: Chance): LiveDraft {
  return alive(stepOf(state, message, chance));
}

function stepOf(state: LiveState, message: LiveResponse['message'], chance: Chance): LiveDraft {
  const common = onStreamMessage(state, message, chance);
  if (common !== undefined) {
    if (message?.$case === 'welcome') return welcomed(common, chance);
    return startsOver(common) ? { ...common, state: forgotten(common.state) } : common;
  }
  switch (message?.$case) {
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

const notify = (notice: Notice): Extract<Action, { do: 'notify' }> => ({ do: 'notify', notice });

/** What was not answered on the stream before is sent again. */
function welcomed({ state, actions }: LiveDraft, { nowMs }: Chance): LiveDraft {
  const { state: next, actions: again } = publishAgain(state, nowMs);
  return synced(next, [...again, ...actions]);
}

/** Without positions and etags. */
function forgotten(state: LiveState): LiveState {
  const topics = new Map(Array.from(state.topics, ([name, topic]) => [name, { ...topic, position: undefined }]));
  const watches = new Map(Array.from(state.watches, ([id, watched]) => [id, { ...watched, etag: '' }]));
  return { ...state, topics, watches };
}

function subscribed(state: LiveState, { topic: name, generation, recovered, position }: Subscribed): LiveDraft {
  const topic = state.topics.get(name);
  if (topic === undefined || topic.generation !== generation) return { state, actions: [] };
  const topics = new Map(state.topics).set(name, { ...topic, position, answered: true });
  return synced({ ...state, topics }, [notify({ kind: 'subscribed', topic: name, recovered, position })]);
}

function events(state: LiveState, { topic: name, events }: Events): LiveDraft {
  const topic = state.topics.get(name);
  let position: Position | undefined = topic?.answered ? topic.position : undefined; // before that they are of an older subscription
  const notices: Extract<Action, { do: 'notify' }>[] = [];
  for (const event of events) {
    if (position === undefined || event.offset <= position.offset) continue; // already handled
    position = { epoch: position.epoch, offset: event.offset, eventId: event.id };
    notices.push(notify({ kind: 'event', topic: name, event, position }));
  }
  const topics = topic === undefined || notices.length === 0 ? state.topics : new Map(state.topics).set(name, { ...topic, position });
  const { state: next, actions } = counted({ ...state, topics }, events.length);
  return { state: next, actions: [...notices, ...actions] };
}

/** States and changes do not count for `acknowledge`. */
function presence(state: LiveState, message: Extract<LiveResponse['message'], { $case: 'presenceState' | 'presenceChange' }>): LiveDraft {
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

function snapshot(state: LiveState, { key, etag, payload, partial, stale }: Snapshot): LiveDraft {
  const of = [...state.watches].filter(([, watched]) => watched.key === key);
  const watches = new Map(state.watches);
  for (const [id, watched] of of) watches.set(id, { ...watched, etag: partial ? watched.etag : etag });
  const notices = of.map(([id]) => notify({ kind: 'snapshot', id, etag, payload, partial, stale }));
  const { state: next, actions } = counted({ ...state, watches }, 1);
  return { state: next, actions: [...notices, ...actions] };
}

function watching(state: LiveState, { id, generation, key, current }: Watching): LiveDraft {
  const watched = state.watches.get(id);
  if (watched === undefined || watched.generation !== generation) return { state, actions: [] };
  const watches = new Map(state.watches).set(id, { ...watched, key, answered: true });
  return synced({ ...state, watches }, current ? [notify({ kind: 'current', id })] : []);
}

function subscriptionClosed(state: LiveState, { topic: name, generation, reason, advice, delayMs }: SubscriptionClosed, chance: Chance): LiveDraft {
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

function watchClosed(state: LiveState, { id, generation, reason, advice, delayMs }: WatchClosed, chance: Chance): LiveDraft {
  const watched = state.watches.get(id);
  if (watched === undefined || watched.generation !== generation) return { state, actions: [] };
  const comesBack = advice !== Advice.ADVICE_STAY_AWAY;
  const etag = advice === Advice.ADVICE_START_OVER ? '' : watched.etag;
  const watches = comesBack ? new Map(state.watches).set(id, { ...watched, etag, key: undefined, answered: true }) : without(state.watches, id);
  const actions = [notify({ kind: 'watchClosed', id, reason, comesBack }), ...(comesBack ? again(`watch ${id}`, advice, delayMs, chance) : [])];
  return synced({ ...state, watches }, actions);
}

/** Begins a part of the stream anew after a while, at least a second; with a new token if it is that. */
function again(name: TimerName, advice: Advice, delayMs: number, { random }: Chance): LiveDraft['actions'] {
  const renewal: LiveDraft['actions'] = advice === Advice.ADVICE_RENEW_TOKEN ? [{ do: 'renewToken' }] : [];
  return [...renewal, timer(name, askedMs(Math.max(1_000, delayMs), random))];
}
