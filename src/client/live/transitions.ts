import type { LiveHello } from '../../gen/portico/v1/live.ts';
import type { Action, Chance, LiveState, Step, TimerName, Topic, Watched } from './state.ts';
import { askedMs, waitMs } from './waits.ts';

/** The time for a connection and the first answer. Milliseconds: gRPC's connection-backoff.md (MIN_CONNECT_TIMEOUT). */
const connectMs = 20_000;

/** Whether there is a stream. */
export function isOpen({ phase }: LiveState): boolean {
  return phase === 'connecting' || phase === 'syncing' || phase === 'live';
}

export const timer = (name: TimerName, ms: number): Action => ({ do: 'setTimer', name, ms });
export const same = (state: LiveState): Step => ({ state, actions: [] });

export function sendIfOpen(state: LiveState, message: Extract<Action, { do: 'send' }>['message']): readonly Action[] {
  return isOpen(state) ? [{ do: 'send', message }] : [];
}

/** Opens a stream: its first message has all wishes. */
export function open(state: LiveState): Step {
  const topics = mapped(state.topics, (topic): Topic => ({ ...topic, answered: false }));
  const watches = mapped(state.watches, (watched): Watched => ({ ...watched, key: undefined, answered: false }));
  const next: LiveState = { ...state, phase: 'connecting', topics, watches, heartbeatMs: 0, handled: 0, acknowledged: 0 };
  return { state: next, actions: [{ do: 'clearTimers' }, { do: 'open', hello: helloOf(next) }, timer('silence', connectMs)] };
}

function helloOf({ topics, watches, wishedMs }: LiveState): LiveHello {
  return {
    subscriptions: Array.from(topics, ([topic, { generation, position, presence }]) => ({ topic, generation, position, presence })),
    watches: Array.from(watches, ([id, { generation, method, request, etag }]) => ({ id, generation, method, request, etag })),
    heartbeatMs: wishedMs,
    device: '',
  };
}

/** Gives the stream up, without a word. */
export function close(state: LiveState, hasStream: boolean): Step {
  return { state, actions: [{ do: 'clearTimers' }, ...(hasStream ? [{ do: 'close' } as const] : [])] };
}

/** Says goodbye first: otherwise the server would wait for a client that comes back. */
export function leave(state: LiveState, hasStream: boolean): Step {
  const { actions } = close(state, hasStream);
  return { state, actions: hasStream ? [{ do: 'send', message: { $case: 'goodbye', value: {} } }, ...actions] : actions };
}

/** Waits for the next attempt after one more failure. */
export function wait(state: LiveState, delayMs: number, { random }: Chance): Step {
  const next: LiveState = { ...state, phase: 'waiting', failures: state.failures + 1 };
  const { actions } = close(next, isOpen(state));
  return { state: next, actions: [...actions, timer('retry', Math.max(askedMs(delayMs, random), waitMs(next.failures, random)))] };
}

/** Asks for a new token; a second refusal, of a new token, means that the session is over. */
export function renewFirst(state: LiveState, reason: string): Step {
  if (state.renewed) return refused(state, reason);
  const next: LiveState = { ...state, phase: 'renewing', failures: state.failures + 1 };
  const { actions } = close(next, isOpen(state));
  return { state: next, actions: [...actions, { do: 'renewToken' }] };
}

export function refused(state: LiveState, reason: string): Step {
  const { actions } = close(state, isOpen(state));
  return { state: { ...state, phase: 'refused' }, actions: [...actions, { do: 'notify', notice: { kind: 'refused', reason } }] };
}

/** Everything that was asked for has been answered: what failed before counts no longer. */
export function synced(state: LiveState, actions: readonly Action[]): Step {
  const all = [...state.topics.values(), ...state.watches.values()].every(({ answered }) => answered);
  if (state.phase !== 'syncing' || !all) return { state, actions };
  return { state: { ...state, phase: 'live', failures: 0, renewed: false }, actions };
}

/** The token was refused before: a new one comes first. */
export function renew(state: LiveState): Step {
  return { state: { ...state, phase: 'renewing' }, actions: [{ do: 'clearTimers' }, { do: 'renewToken' }] };
}

export function acknowledgement({ handled }: LiveState): Action {
  return { do: 'send', message: { $case: 'acknowledge', value: { count: BigInt(handled) } } };
}

function mapped<K, V>(map: ReadonlyMap<K, V>, change: (value: V) => V): ReadonlyMap<K, V> {
  return new Map(Array.from(map, ([key, value]) => [key, change(value)]));
}
