import { onMessage } from './on-message.ts';
import { type Action, type Chance, initialState, type LiveEvent, type LiveState, type Step, type TimerName } from './state.ts';
import { acknowledgement, close, isOpen, leave, open, refused, renew, renewFirst, same, sendIfOpen, timer, wait } from './transitions.ts';
import { subscribe, unsubscribe, unwatch, watch } from './wishes.ts';

/** How long a stream may answer nothing after the network has changed. Milliseconds. */
const probeMs = 5_000;
/** Events of the app that wait for an answer. */
const publishesMax = 100;

/**
 * The whole behaviour of a live client, without timers, network and chance of its own: docs/mobile/connection.md has
 * its table, and live-cases.json beside it the cases for clients in other languages.
 */
export function step(state: LiveState, event: LiveEvent, chance: Chance): Step {
  const { state: next, actions } = stepOf(state, event, chance);
  const more: Action[] = [];
  if (next.heartbeatMs > 0 && isOpen(next) && actions.some((action) => action.do === 'send')) more.push(timer('heartbeat', next.heartbeatMs));
  if (next.phase !== state.phase) more.push({ do: 'notify', notice: { kind: 'phase', phase: next.phase } });
  return { state: next, actions: [...actions, ...more] };
}

function stepOf(state: LiveState, event: LiveEvent, chance: Chance): Step {
  switch (event.type) {
    case 'start':
      return state.phase === 'stopped' || state.phase === 'refused'
        ? open({ ...state, failures: 0, renewed: false, tokenRefused: false })
        : same(state);
    case 'stop':
      return state.phase === 'stopped' ? same(state) : leave({ ...state, phase: 'stopped' }, isOpen(state));
    case 'forget':
      return forget(state);
    case 'subscribe':
      return subscribe(state, event);
    case 'unsubscribe':
      return unsubscribe(state, event.topic);
    case 'watch':
      return watch(state, event);
    case 'unwatch':
      return unwatch(state, event.id);
    case 'publish':
      if (state.publishes.size >= publishesMax)
        return {
          state,
          actions: [{ do: 'notify', notice: { kind: 'published', requestId: event.event.requestId, reason: 'QUEUE_FULL' } }],
        };
      return {
        state: { ...state, publishes: new Map(state.publishes).set(event.event.requestId, event.event) },
        actions: state.phase === 'syncing' || state.phase === 'live' ? sendIfOpen(state, { $case: 'publish', value: event.event }) : [],
      };
    case 'pace':
      return {
        state: { ...state, wishedMs: event.intervalMs },
        actions: event.intervalMs === 0 ? [] : sendIfOpen(state, { $case: 'heartbeat', value: { intervalMs: event.intervalMs } }),
      };
    case 'networkLost':
      return state.phase === 'stopped' || state.phase === 'refused' ? same(state) : close({ ...state, phase: 'offline' }, isOpen(state));
    case 'networkFound':
      return networkFound(state);
    case 'message':
      return isOpen(state) ? onMessage(state, event.message, chance) : same(state);
    case 'ended':
      return isOpen(state) ? ended(state, event, chance) : same(state);
    case 'timer':
      return onTimer(state, event.name, chance);
    case 'tokenRenewed': {
      if (state.phase === 'renewing') return open({ ...state, renewed: true, tokenRefused: false });
      return { state, actions: sendIfOpen(state, { $case: 'renew', value: { accessToken: event.accessToken } }) };
    }
    case 'sessionEnded':
      return state.phase === 'stopped' || state.phase === 'refused' ? same(state) : refused(state, event.reason);
    case 'tokenFailed':
      if (state.phase === 'renewing') return wait({ ...state, tokenRefused: true }, 0, chance);
      return isOpen(state) ? { state, actions: [timer('renew', 5_000 + Math.floor(chance.random * 5_000))] } : same(state);
  }
}

function ended(state: LiveState, { code, reason = code, retryAfterMs }: Extract<LiveEvent, { type: 'ended' }>, chance: Chance): Step {
  switch (code) {
    case 'UNAUTHENTICATED':
      return renewFirst(state, reason);
    case 'RESOURCE_EXHAUSTED':
      return wait(state, retryAfterMs ?? 60_000, chance);
    case 'INVALID_ARGUMENT':
    case 'PERMISSION_DENIED':
    case 'FAILED_PRECONDITION':
    case 'UNIMPLEMENTED':
      return refused(state, reason);
    default:
      return wait(state, retryAfterMs ?? 0, chance);
  }
}

function forget(state: LiveState): Step {
  const unanswered = Array.from(state.publishes.keys(), (requestId): Action => {
    return { do: 'notify', notice: { kind: 'published', requestId, reason: 'CANCELLED' } };
  });
  const { actions } = leave(state, isOpen(state));
  return { state: { ...initialState, wishedMs: state.wishedMs }, actions: [...actions, ...unanswered] };
}

function networkFound(state: LiveState): Step {
  const fresh = { ...state, failures: 0 };
  switch (state.phase) {
    case 'offline':
    case 'waiting':
      return state.tokenRefused ? renew(fresh) : open(fresh);
    case 'connecting':
    case 'syncing': {
      const { state: next, actions } = open(fresh);
      return { state: next, actions: [{ do: 'close' }, ...actions] };
    }
    case 'live': // the old way may still be good: the server answers a heartbeat at once
      return {
        state: fresh,
        actions: [{ do: 'send', message: { $case: 'heartbeat', value: { intervalMs: state.heartbeatMs } } }, timer('silence', probeMs)],
      };
    default:
      return same(state);
  }
}

function onTimer(state: LiveState, name: TimerName, chance: Chance): Step {
  if (name === 'retry') return state.phase !== 'waiting' ? same(state) : state.tokenRefused ? renew(state) : open(state);
  if (!isOpen(state)) return same(state);
  switch (name) {
    case 'heartbeat':
      return { state, actions: [{ do: 'send', message: { $case: 'heartbeat', value: { intervalMs: 0 } } }] };
    case 'silence':
      return wait(state, 0, chance);
    case 'renew':
      return { state, actions: [{ do: 'renewToken' }] };
    case 'move': {
      const { actions } = leave(state, true);
      const next = open(state);
      return { state: next.state, actions: [...actions, ...next.actions] };
    }
    case 'acknowledge':
      return { state: { ...state, acknowledged: state.handled }, actions: [acknowledgement(state)] };
  }
  const topic = name.startsWith('topic ') ? name.slice('topic '.length) : undefined;
  if (topic !== undefined) return state.topics.has(topic) ? subscribe(state, { type: 'subscribe', topic }) : same(state);
  const id = Number(name.slice('watch '.length));
  const watched = state.watches.get(id);
  return watched === undefined ? same(state) : watch(state, { type: 'watch', id, method: watched.method, request: watched.request });
}
