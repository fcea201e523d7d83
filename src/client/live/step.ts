import type { LiveHello } from '../../gen/portico/v1/live.ts';
import { type Chance, type ConnectionTimer, connectionTimers } from '../stream/connection.ts';
import { connectionStep, finished } from '../stream/connection-step.ts';
import { isOpen, leave, same } from '../stream/transitions.ts';
import { onMessage } from './on-message.ts';
import { publish } from './publish.ts';
import {
  type Action,
  initialState,
  type LiveDraft,
  type LiveEvent,
  type LiveState,
  type Step,
  type TimerName,
  type Topic,
  type Watched,
} from './state.ts';
import { subscribe, unsubscribe, unwatch, watch } from './subscribe-and-watch.ts';

/**
 * The whole behaviour of a live client, without timers, network and chance of its own: docs/mobile/connection.md has
 * its table, and live-cases.json beside it the cases for clients in other languages.
 */
export function step(state: LiveState, event: LiveEvent, chance: Chance): Step {
  const { state: next, actions } = stepOf(state, event, chance);
  const opens = actions.some((action) => action.do === 'open');
  return finished(state, { state: opens ? unanswered(next) : next, actions }, helloOf);
}

function stepOf(state: LiveState, event: LiveEvent, chance: Chance): LiveDraft {
  switch (event.type) {
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
      return publish(state, event.event, chance.nowMs);
    case 'message':
      return isOpen(state) ? onMessage(state, event.message, chance) : same(state);
    case 'timer':
      return isOfConnection(event.name) ? connectionStep(state, { type: 'timer', name: event.name }, chance) : onTimer(state, event.name);
    default:
      return connectionStep(state, event, chance);
  }
}

/** Of a stream that begins: nothing is answered yet. */
function unanswered(state: LiveState): LiveState {
  const topics = mapped(state.topics, (topic): Topic => ({ ...topic, answered: false }));
  const watches = mapped(state.watches, (watched): Watched => ({ ...watched, key: undefined, answered: false }));
  return { ...state, topics, watches };
}

/** All wishes. */
function helloOf({ topics, watches, wishedMs }: LiveState): LiveHello {
  return {
    subscriptions: Array.from(topics, ([topic, { generation, position, presence }]) => ({ topic, generation, position, presence })),
    watches: Array.from(watches, ([id, { generation, method, request, etag }]) => ({ id, generation, method, request, etag })),
    heartbeatMs: wishedMs,
    device: '',
  };
}

function forget(state: LiveState): LiveDraft {
  const unanswered = Array.from(state.publishes.keys(), (requestId): Action & { readonly do: 'notify' } => {
    return { do: 'notify', notice: { kind: 'published', requestId, reason: 'CANCELLED' } };
  });
  const { actions } = leave(state, isOpen(state));
  return { state: { ...initialState, wishedMs: state.wishedMs }, actions: [...actions, ...unanswered] };
}

function isOfConnection(name: TimerName): name is ConnectionTimer {
  return (connectionTimers as readonly string[]).includes(name);
}

function onTimer(state: LiveState, name: Exclude<TimerName, ConnectionTimer>): LiveDraft {
  if (!isOpen(state)) return same(state);
  const topic = name.startsWith('topic ') ? name.slice('topic '.length) : undefined;
  if (topic !== undefined) return state.topics.has(topic) ? subscribe(state, { type: 'subscribe', topic }) : same(state);
  const id = Number(name.slice('watch '.length));
  const watched = state.watches.get(id);
  return watched === undefined ? same(state) : watch(state, { type: 'watch', id, method: watched.method, request: watched.request });
}

function mapped<K, V>(map: ReadonlyMap<K, V>, change: (value: V) => V): ReadonlyMap<K, V> {
  return new Map(Array.from(map, ([key, value]) => [key, change(value)]));
}
